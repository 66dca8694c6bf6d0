/*
 * run-corpus - the main() of a fuzz harness where there is no libFuzzer: feeds it every file of its
 *corpus, whole and cut after each of its first bytes. make check runs it; a find of the real fuzzer
 *becomes a regression test by a file.
 *
 *	fuzz-NAME [DIRECTORY...]		default: $FOTAD_SRCDIR/tests/fuzz/corpus/NAME
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX (1024 * 1024)
#define CUTS_MAX  512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An allocation of exactly the input's size, so that the address sanitizer sees one byte too far.
 */
static void run_input(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	if (copy == NULL)
		abort();
	if (size > 0)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static int run_file(const char *path)
{
	static uint8_t data[INPUT_MAX];
	FILE *file = fopen(path, "rb");
	size_t size, cut;

	if (file == NULL)
		return -errno;
	size = fread(data, 1, sizeof(data), file);
	fclose(file);

	for (cut = 0; cut < size && cut < CUTS_MAX; cut++)
		run_input(data, cut);
	run_input(data, size);
	return 0;
}

static int run_directory(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	int r = 0, n = 0;

	if (directory == NULL)
		return -errno;
	while (r >= 0 && (entry = readdir(directory)) != NULL) {
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		r = run_file(name);
		n++;
	}
	closedir(directory);
	return r < 0 ? r : n;
}

/* ".../fuzz-gtota" -> "$FOTAD_SRCDIR/tests/fuzz/corpus/gtota" */
static void default_directory(const char *program, char *ret, size_t size)
{
	const char *srcdir = getenv("FOTAD_SRCDIR");
	const char *name = strrchr(program, '/');

	name = name != NULL ? name + 1 : program;
	if (strncmp(name, "fuzz-", 5) == 0)
		name += 5;
	snprintf(ret, size, "%s/tests/fuzz/corpus/%s", srcdir != NULL ? srcdir : ".", name);
}

static int run_and_tell(const char *path)
{
	int n = run_directory(path);

	if (n < 0)
		fprintf(stderr, "%s: %s\n", path, strerror(-n));
	else if (n == 0)
		fprintf(stderr, "%s: no inputs\n", path);
	else
		printf("%s: %d inputs\n", path, n);
	return n > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	char path[4096];
	int failed = 0;

	if (argc < 2) {
		default_directory(argv[0], path, sizeof(path));
		return run_and_tell(path);
	}
	for (int i = 1; i < argc; i++)
		failed |= run_and_tell(argv[i]);
	return failed;
}
