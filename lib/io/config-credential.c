/*
 * config-credential - secrets that systemd puts into a directory of the service, and which of them
 * are not there.
 */
#include "io/config-internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

/* The longest that may be right: the field and one final newline; one byte more shows what is too
 * long. */
#define READ_MAX (GTOTA_FIELD_MAX + 2)

static int path_of(const char *directory, const char *name, char ret[static PATH_MAX])
{
	if (!config_form(FORM_CREDENTIAL)->fits(name, strlen(name)) ||
		strlen(name) > CREDENTIAL_MAX)
		return -EINVAL;
	if (!directory)
		return -ENOENT;
	return text_format(ret, PATH_MAX, "%s/%s", directory, name) < 0 ? -ENAMETOOLONG : 0;
}

static ssize_t read_secret(const char *path, char ret[static READ_MAX])
{
	size_t used = 0;
	ssize_t n;
	int fd, error;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	do {
		n = read(fd, ret + used, READ_MAX - used);
		error = errno;
		if (n > 0)
			used += (size_t) n;
	} while ((n > 0 && used < READ_MAX) || (n < 0 && error == EINTR));
	close(fd);
	return n < 0 ? -error : (ssize_t) used;
}

int config_credential(const char *directory, const char *name, char ret[static GTOTA_FIELD_MAX + 1])
{
	char path[PATH_MAX], text[READ_MAX];
	ssize_t n;
	int r;

	r = path_of(directory, name, path);
	if (r < 0)
		return r;
	n = read_secret(path, text);
	if (n < 0)
		return (int) n;
	/* echo writes one; it is not part of the secret (conduct 12). */
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n > GTOTA_FIELD_MAX)
		r = -EMSGSIZE;
	else if (n == 0 || !text_is_printable(text, (size_t) n) || memchr(text, '"', (size_t) n) ||
		 memchr(text, '\\', (size_t) n))
		r = -EINVAL;
	else
		r = text_copy_n(ret, GTOTA_FIELD_MAX + 1, text, (size_t) n);
	explicit_bzero(text, sizeof(text));
	return r;
}

/* Outside the unit nobody can know them, so they are only warned about (conduct 21). */
static void check_one(struct builder *b, const struct entry *e)
{
	char path[PATH_MAX];

	if (!b->credentials_directory)
		problem_at(b, SEVERITY_WARNING, e->list, e->origin, e->suffix,
			"credential \"%s\" cannot be checked: CREDENTIALS_DIRECTORY is not set, as "
			"it is "
			"inside the service",
			e->key);
	else if (path_of(b->credentials_directory, e->key, path) < 0 || access(path, R_OK) < 0)
		problem_at(b, SEVERITY_WARNING, e->list, e->origin, e->suffix,
			"credential \"%s\" is not in %s; add it to the service and run: systemctl "
			"restart "
			"fotad",
			e->key, b->credentials_directory);
}

int config_check_credentials(struct builder *b)
{
	size_t n = 0, n_modems = b->lists[LIST_MODEMS].n, n_packages = b->lists[LIST_PACKAGES].n;
	struct entry *entries = calloc(n_modems + n_packages + 1, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < n_modems; i++) {
		const struct modem_draft *d = builder_modem(b, i);

		if (d->modem.apn.credential)
			entries[n++] = (struct entry){ d->modem.apn.credential, LIST_MODEMS,
				&d->origin, "/apn/password" };
	}
	for (size_t i = 0; i < n_packages; i++) {
		const struct package_draft *d = builder_package(b, i);

		if (d->package.credential)
			entries[n++] = (struct entry){ d->package.credential, LIST_PACKAGES,
				&d->origin, "/ftp/password" };
	}
	/* A fleet shares its secrets: one warning for each, at its first place. */
	config_sort_entries(entries, n);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || !text_equal(entries[i].key, entries[i - 1].key))
			check_one(b, &entries[i]);
	free(entries);
	return 0;
}
