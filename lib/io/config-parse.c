/*
 * config-parse - from JSON to drafts, by the tables. Every value that is not as its row says
 * becomes a problem with what was expected; what is fine is kept, so that one run finds all there
 * is to find.
 */
#include "io/config-internal.h"

#include <jansson.h>
#include <string.h>

#include "base/text.h"

static void parse_object(struct builder *b, const struct object *object, json_t *json, void *base);

static void parse_list(struct builder *b, const struct field *f, json_t *value)
{
	const struct draft_list *list = &b->lists[f->list];
	json_t *item;
	size_t i;

	if (!json_is_array(value)) {
		config_unexpected(b, value, "a list");
		return;
	}
	if (json_array_size(value) > list->max - list->n) {
		problem(b, SEVERITY_ERROR, "at most %zu %s are possible, in all files together",
			list->max, f->key);
		return;
	}
	json_array_foreach(value, i, item)
	{
		size_t mark = pointer_push_index(b, i);
		void *draft;

		if (!json_is_object(item)) {
			config_unexpected(b, item, "an object");
		} else if ((draft = builder_add(b, f->list, (unsigned) i))) {
			config_set_defaults(f->object, draft);
			parse_object(b, f->object, item, draft);
		}
		pointer_pop(b, mark);
	}
}

/* A list within an object. */
static void parse_items(struct builder *b, const struct field *f, json_t *value, void *base)
{
	size_t i, n = json_array_size(value);
	json_t *item;
	char *items;

	if (!json_is_array(value)) {
		config_unexpected(b, value, "a list");
		return;
	}
	if (n < (size_t) f->min || n > (size_t) f->max) {
		problem(b, SEVERITY_ERROR, "expected a list of %lld to %lld, found %zu",
			(long long) f->min, (long long) f->max, n);
		return;
	}
	items = arena_alloc(&b->arena, n * f->size);
	if (!items) {
		b->out_of_memory = true;
		return;
	}
	json_array_foreach(value, i, item)
	{
		size_t mark = pointer_push_index(b, i);

		config_set_defaults(f->object, items + i * f->size);
		parse_object(b, f->object, item, items + i * f->size);
		pointer_pop(b, mark);
	}
	memcpy((char *) base + f->offset, &items, sizeof(items));
	memcpy((char *) base + f->other, &n, sizeof(n));
}

static size_t profile_index(const char *name)
{
	const struct profile *row;
	size_t i;

	for (i = 0; (row = profile_at(i)); i++)
		if (text_equal(row->name, name))
			break;
	return i;
}

/* { "NL668": { ... } }: profiles are known by name, so a key that is none is an error. */
static void parse_map(struct builder *b, const struct field *f, json_t *value)
{
	const char *key;
	json_t *item;

	if (!json_is_object(value)) {
		config_unexpected(b, value, "an object");
		return;
	}
	json_object_foreach(value, key, item)
	{
		size_t mark = pointer_push(b, key), i = profile_index(key);

		if (config_field(NULL, key))
			config_parse_comment(b, item);
		else if (i == b->n_profiles)
			config_unknown_profile(b, key, false);
		else
			parse_object(b, f->object, item, &b->profiles[i]);
		pointer_pop(b, mark);
	}
}

/* { "credential": NAME } in the place of a secret */
static void parse_credential(struct builder *b, const struct field *f, json_t *value, void *base)
{
	const struct field fields[] = { config_credential_field, { 0 } };
	const struct object object = { fields, RULE_NONE, { 0 } };

	parse_object(b, &object, value, (char *) base + f->other);
}

static void parse_value(struct builder *b, const struct field *f, json_t *value, void *base)
{
	if (f->given > 0)
		*(bool *) ((char *) base + f->given) = true;
	if (f->kind == FIELD_OBJECT)
		parse_object(b, f->object, value, (char *) base + f->offset);
	else if (f->kind == FIELD_LIST)
		parse_list(b, f, value);
	else if (f->kind == FIELD_ITEMS)
		parse_items(b, f, value, base);
	else if (f->kind == FIELD_MAP)
		parse_map(b, f, value);
	else if (f->kind == FIELD_SECRET && json_is_object(value))
		parse_credential(b, f, value, base);
	else
		config_parse_value(b, f, value, base);
}

static void check_rule(struct builder *b, const struct object *object, json_t *json)
{
	const char *first = object->keys[0], *second = object->keys[1];
	bool one = first && json_object_get(json, first);
	bool two = second && json_object_get(json, second);

	switch (object->rule) {
	case RULE_NONE:
		break;
	case RULE_EXACTLY_ONE:
		if (one == two)
			problem(b, SEVERITY_ERROR,
				"expected exactly one of \"%s\" and \"%s\", found %s", first,
				second, one ? "both" : "none");
		break;
	case RULE_AT_LEAST_ONE:
		if (!one && !two)
			problem(b, SEVERITY_ERROR, "expected \"%s\" or \"%s\", found none", first,
				second);
		break;
	case RULE_BOTH_OR_NONE:
		if (one != two)
			problem(b, SEVERITY_ERROR,
				"\"%s\" and \"%s\" go together; \"%s\" is missing", first, second,
				one ? second : first);
		break;
	}
}

static void parse_object(struct builder *b, const struct object *object, json_t *json, void *base)
{
	const char *key;
	json_t *value;

	if (!json_is_object(json)) {
		config_unexpected(b, json, "an object");
		return;
	}
	json_object_foreach(json, key, value)
	{
		size_t mark = pointer_push(b, key);
		const struct field *f = config_field(object, key);

		if (f)
			parse_value(b, f, value, base);
		else
			config_unknown_key(b, object, key);
		pointer_pop(b, mark);
	}
	for (const struct field *f = object->fields; f->key; f++)
		if (f->required && !json_object_get(json, f->key)) {
			size_t mark = pointer_push(b, f->key);

			problem(b, SEVERITY_ERROR, "is missing: %s", f->doc);
			pointer_pop(b, mark);
		}
	check_rule(b, object, json);
}

/* Looks no further than one level below the deepest that there may be. */
static void check_depth(struct builder *b, json_t *json, unsigned depth)
{
	const char *key;
	json_t *value;
	size_t i, mark;

	if (!json_is_object(json) && !json_is_array(json))
		return;
	if (depth > CONFIG_DEPTH_MAX) {
		problem(b, SEVERITY_ERROR, "is nested deeper than %d levels", CONFIG_DEPTH_MAX);
		return;
	}
	json_object_foreach(json, key, value)
	{
		mark = pointer_push(b, key);
		check_depth(b, value, depth + 1);
		pointer_pop(b, mark);
	}
	json_array_foreach(json, i, value)
	{
		mark = pointer_push_index(b, i);
		check_depth(b, value, depth + 1);
		pointer_pop(b, mark);
	}
}

void config_parse(struct builder *b, json_t *root)
{
	json_t *version = json_object_get(root, "version");

	if (json_is_integer(version) && json_integer_value(version) != CONFIG_VERSION) {
		size_t mark = pointer_push(b, "version");

		/* Its other keys have other rules; to judge them by ours would mislead. */
		problem(b, SEVERITY_ERROR,
			"expected %d, found %lld: this fotad reads no other version",
			CONFIG_VERSION, (long long) json_integer_value(version));
		pointer_pop(b, mark);
		return;
	}
	check_depth(b, root, 1);
	parse_object(b, &config_root_object, root, b);
}
