#include "ctl/site.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "ctl/fleet.h"
#include "ctl/text.h"

/* {"credential": "NAME"}, wherever it stands. */
static void add_credentials(struct site *site, const json_t *value)
{
	const char *name = text_of(value, "credential"), *key;
	json_t *child;
	size_t i;

	if (name)
		json_object_set_new(site->credentials, name, json_true());
	json_object_foreach ((json_t *) value, key, child)
		add_credentials(site, child);
	json_array_foreach ((json_t *) value, i, child)
		add_credentials(site, child);
}

/* Of "http://host:port/path" or "[ftp://]host[:port]" the host and the port. */
static void add_server(struct site *site, const char *address)
{
	static const struct {
		const char *scheme, *port;
	} schemes[] = { { "http://", "80" }, { "https://", "443" }, { "ftp://", "21" },
		{ "", "21" } };
	size_t i = 0, n;
	const char *host, *colon, *bracket;

	while (!text_starts_with_nocase(address, schemes[i].scheme))
		i++;
	host = address + strlen(schemes[i].scheme);
	n = strcspn(host, "/?#");
	colon = memrchr(host, ':', n);
	bracket = memrchr(host, ']', n); /* of an IPv6 address */
	TEXT_AUTO key = colon && (!bracket || colon > bracket)
				? words("%.*s", (int) n, host)
				: words("%.*s:%s", (int) n, host, schemes[i].port);
	json_object_set_new(site->servers, key, json_true());
}

static void add_packages(struct site *site, const json_t *packages)
{
	json_t *package;
	size_t i;

	json_array_foreach ((json_t *) packages, i, package) {
		const char *url = text_of(json_object_get(package, "http"), "url");
		const char *server = text_of(json_object_get(package, "ftp"), "server");

		if (url)
			add_server(site, url);
		if (server)
			add_server(site, server);
	}
}

static void add_fetches(struct site *site, const json_t *campaigns)
{
	json_t *campaign;
	size_t i;

	json_array_foreach ((json_t *) campaigns, i, campaign) {
		const char *name = text_of(campaign, "name"), *fetch = text_of(campaign, "fetch");

		if (name && fetch && !text_equal(fetch, "off"))
			json_object_set_new(site->fetches, name, json_string(fetch));
	}
}

static void add_modems(struct site *site, const json_t *modems)
{
	json_t *modem;
	size_t i;

	json_array_foreach ((json_t *) modems, i, modem)
		if (text_of(modem, "name") && text_of(modem, "port"))
			json_array_append_new(site->modems,
				json_pack("{s:s, s:s}", "name", text_of(modem, "name"), "port",
					text_of(modem, "port")));
}

static void add_file(struct site *site, const char *path)
{
	CLEANUP(json_decrefp) json_t *file = json_load_file(path, 0, NULL);

	add_modems(site, json_object_get(file, "modems"));
	add_packages(site, json_object_get(file, "packages"));
	add_fetches(site, json_object_get(file, "campaigns"));
	add_credentials(site, file);
}

static int is_json(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > strlen(".json") && text_equal(entry->d_name + n - strlen(".json"), ".json");
}

void site_read(const char *file, struct site *ret)
{
	const char *slash = strrchr(file, '/');
	TEXT_AUTO directory = words("%.*sconf.d", slash ? (int) (slash + 1 - file) : 0, file);
	struct dirent **entries;
	int n;

	*ret = (struct site){ json_array(), json_object(), json_object(), json_object() };
	add_file(ret, file);
	n = scandir(directory, &entries, is_json, alphasort);
	for (int i = 0; i < n; i++) {
		TEXT_AUTO path = words("%s/%s", directory, entries[i]->d_name);

		add_file(ret, path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

void site_clear(struct site *site)
{
	json_decref(site->modems);
	json_decref(site->credentials);
	json_decref(site->servers);
	json_decref(site->fetches);
}
