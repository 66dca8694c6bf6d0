/*
 * config-build - what the passes share: memory that is freed at once, the place in a file, and the
 * problems found there.
 */
#include "io/config-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define ARENA_CHUNK ((size_t) 64 * 1024)
#define ARENA_ALIGN sizeof(max_align_t)
#define KEY_SHOWN   64 /* of a key in a pointer: keys come from the file and may be of any length */

struct arena_chunk {
	struct arena_chunk *next;
	size_t used, size;
	max_align_t data[];
};

void *arena_alloc(struct arena_chunk **arena, size_t size)
{
	struct arena_chunk *chunk = *arena;
	void *p;

	size = (size + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
	if (!chunk || chunk->size - chunk->used < size) {
		size_t n = size > ARENA_CHUNK ? size : ARENA_CHUNK;

		chunk = malloc(sizeof(*chunk) + n);
		if (!chunk)
			return NULL;
		chunk->size = n;
		chunk->used = 0;
		chunk->next = *arena;
		*arena = chunk;
	}
	p = (char *) chunk->data + chunk->used;
	chunk->used += size;
	return memset(p, 0, size);
}

void *arena_free(struct arena_chunk *arena)
{
	while (arena) {
		struct arena_chunk *next = arena->next;

		/* A literal password may be in it. */
		explicit_bzero(arena->data, arena->used);
		free(arena);
		arena = next;
	}
	return NULL;
}

static int grow(void **items, size_t *allocated, size_t n, size_t item_size)
{
	size_t want = *allocated > 0 ? *allocated * 2 : 16;
	void *p;

	if (n < *allocated)
		return 0;
	p = realloc(*items, want * item_size);
	if (!p)
		return -ENOMEM;
	*items = p;
	*allocated = want;
	return 0;
}

int builder_init(struct builder *b, const char *credentials_directory)
{
	*b = (struct builder){ .credentials_directory = credentials_directory };
	b->lists[LIST_MODEMS].item_size = sizeof(struct modem_draft);
	b->lists[LIST_MODEMS].max = CONFIG_MODEMS_MAX;
	b->lists[LIST_PACKAGES].item_size = sizeof(struct package_draft);
	b->lists[LIST_PACKAGES].max = CONFIG_PACKAGES_MAX;
	b->lists[LIST_CAMPAIGNS].item_size = sizeof(struct campaign_draft);
	b->lists[LIST_CAMPAIGNS].max = CONFIG_CAMPAIGNS_MAX;
	while (profile_at(b->n_profiles))
		b->n_profiles++;
	b->profiles = calloc(b->n_profiles + 1, sizeof(*b->profiles));
	return b->profiles ? 0 : -ENOMEM;
}

void builder_done(struct builder *b)
{
	for (size_t i = 0; i < b->n_files; i++)
		free(b->files[i]);
	free(b->files);
	for (size_t s = 0; s < _SEVERITY_MAX; s++) {
		for (size_t i = 0; i < b->problems[s].n; i++)
			free(b->problems[s].items[i].text);
		free(b->problems[s].items);
	}
	for (size_t l = 0; l < _LIST_MAX; l++)
		free(b->lists[l].items);
	free(b->profiles);
	arena_free(b->arena);
	*b = (struct builder){ 0 };
}

/* A path as it is, also with UTF-8 in it, unless it could play tricks on a terminal. */
static char *shown_path(const char *path)
{
	size_t n = strlen(path);
	char *escaped;

	for (const char *p = path; *p != '\0'; p++)
		if ((unsigned char) *p < ' ' || *p == 0x7f) {
			escaped = malloc(4 * n + 1);
			if (escaped)
				text_escape(escaped, 4 * n + 1, path, n);
			return escaped;
		}
	return strdup(path);
}

int builder_enter_file(struct builder *b, const char *path)
{
	char **files = realloc(b->files, (b->n_files + 1) * sizeof(*files));

	if (!files)
		return -ENOMEM;
	b->files = files;
	files[b->n_files] = shown_path(path);
	if (!files[b->n_files])
		return -ENOMEM;
	b->file = (unsigned) b->n_files++;
	b->pointer_length = 0;
	b->pointer[0] = '\0';
	return 0;
}

void *builder_add(struct builder *b, enum config_list list, unsigned index)
{
	struct draft_list *l = &b->lists[list];
	struct origin *origin;

	if (grow(&l->items, &l->allocated, l->n, l->item_size) < 0) {
		b->out_of_memory = true;
		return NULL;
	}
	origin = (struct origin *) (void *) ((char *) l->items + l->n++ * l->item_size);
	memset(origin, 0, l->item_size);
	origin->file = b->file;
	origin->index = index;
	return origin;
}

struct modem_draft *builder_modem(const struct builder *b, size_t i)
{
	return (struct modem_draft *) b->lists[LIST_MODEMS].items + i;
}

struct package_draft *builder_package(const struct builder *b, size_t i)
{
	return (struct package_draft *) b->lists[LIST_PACKAGES].items + i;
}

struct campaign_draft *builder_campaign(const struct builder *b, size_t i)
{
	return (struct campaign_draft *) b->lists[LIST_CAMPAIGNS].items + i;
}

static void pointer_add(struct builder *b, char c)
{
	if (b->pointer_length + 1 < sizeof(b->pointer)) {
		b->pointer[b->pointer_length++] = c;
		b->pointer[b->pointer_length] = '\0';
	}
}

/* RFC 6901, 3: '~' and '/' in a key are written ~0 and ~1. */
size_t pointer_push(struct builder *b, const char *key)
{
	size_t mark = b->pointer_length;
	char text[KEY_SHOWN];

	text_escape(text, sizeof(text), key, strlen(key));
	pointer_add(b, '/');
	for (const char *p = text; *p != '\0'; p++) {
		pointer_add(b, *p == '~' || *p == '/' ? '~' : *p);
		if (*p == '~' || *p == '/')
			pointer_add(b, *p == '~' ? '0' : '1');
	}
	return mark;
}

size_t pointer_push_index(struct builder *b, size_t index)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", index);
	return pointer_push(b, text);
}

void pointer_pop(struct builder *b, size_t mark)
{
	b->pointer_length = mark;
	b->pointer[mark] = '\0';
}

const char *config_list_key(enum config_list list)
{
	switch (list) {
	case LIST_MODEMS:
		return "modems";
	case LIST_PACKAGES:
		return "packages";
	case LIST_CAMPAIGNS:
		return "campaigns";
	case _LIST_MAX:
		break;
	}
	return "";
}

/* Takes text over. */
static void add_problem(struct builder *b, enum severity severity, unsigned file, char *text)
{
	struct problem_list *list = &b->problems[severity];

	if (text && list->n >= CONFIG_PROBLEMS_MAX) {
		list->dropped++;
		free(text);
		return;
	}
	if (!text ||
		grow((void **) &list->items, &list->allocated, list->n, sizeof(*list->items)) < 0) {
		b->out_of_memory = true;
		free(text);
		return;
	}
	list->items[list->n] = (struct problem){ .file = file, .order = list->n, .text = text };
	list->n++;
}

/* "FILE: POINTER: text"; the whole document's pointer is shown as "/". */
static void add_at(struct builder *b, enum severity severity, unsigned file, const char *pointer,
	const char *format, va_list arguments)
{
	char *text, *line = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	if (text &&
		asprintf(&line, "%s: %s: %s", b->files[file], *pointer ? pointer : "/", text) < 0)
		line = NULL;
	free(text);
	add_problem(b, severity, file, line);
}

void problem(struct builder *b, enum severity severity, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_at(b, severity, b->file, b->pointer, format, arguments);
	va_end(arguments);
}

void problem_at(struct builder *b, enum severity severity, enum config_list list,
	const struct origin *origin, const char *suffix, const char *format, ...)
{
	char pointer[128];
	va_list arguments;

	snprintf(
		pointer, sizeof(pointer), "/%s/%u%s", config_list_key(list), origin->index, suffix);
	va_start(arguments, format);
	add_at(b, severity, origin->file, pointer, format, arguments);
	va_end(arguments);
}

void problem_line(struct builder *b, enum severity severity, const char *format, ...)
{
	va_list arguments;
	char *text, *line = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	if (text && asprintf(&line, "%s:%s", b->files[b->file], text) < 0)
		line = NULL;
	free(text);
	add_problem(b, severity, b->file, line);
}

bool builder_has_errors(const struct builder *b)
{
	return b->problems[SEVERITY_ERROR].n > 0;
}

static int by_file(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static int give(struct problem_list *list, const char *what, char ***ret, size_t *ret_n)
{
	char **texts = calloc(list->n + 1, sizeof(*texts));
	size_t n = list->n;

	if (!texts)
		return -ENOMEM;
	if (list->dropped > 0 &&
		asprintf(&texts[n++], "... and %zu more %s", list->dropped, what) < 0) {
		free(texts);
		return -ENOMEM;
	}
	if (list->n > 0)
		qsort(list->items, list->n, sizeof(*list->items), by_file);
	for (size_t i = 0; i < list->n; i++)
		texts[i] = STEAL(list->items[i].text);
	list->n = 0;
	*ret = texts;
	*ret_n = n;
	return 0;
}

int builder_give_problems(struct builder *b, struct config_problems *ret)
{
	struct config_problems problems = { 0 };
	int r;

	r = give(&b->problems[SEVERITY_ERROR], "errors", &problems.errors, &problems.n_errors);
	if (r >= 0)
		r = give(&b->problems[SEVERITY_WARNING], "warnings", &problems.warnings,
			&problems.n_warnings);
	if (r < 0) {
		config_problems_done(&problems);
		return r;
	}
	*ret = problems;
	return 0;
}

void config_problems_done(struct config_problems *problems)
{
	for (size_t i = 0; i < problems->n_errors; i++)
		free(problems->errors[i]);
	for (size_t i = 0; i < problems->n_warnings; i++)
		free(problems->warnings[i]);
	free(problems->errors);
	free(problems->warnings);
	*problems = (struct config_problems){ 0 };
}

const char *shown(char buffer[static SHOWN_MAX], const char *text)
{
	text_escape(buffer, SHOWN_MAX, text, strlen(text));
	return buffer;
}
