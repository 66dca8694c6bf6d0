#include "io/fetch-digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

struct fetch_digest {
	EVP_MD_CTX *context;
	bool failed;
};

struct fetch_digest *fetch_digest_new(void)
{
	struct fetch_digest *digest = calloc(1, sizeof(*digest));

	if (!digest)
		return NULL;
	digest->context = EVP_MD_CTX_new();
	if (!digest->context || EVP_DigestInit_ex(digest->context, EVP_sha256(), NULL) != 1)
		return fetch_digest_free(digest);
	return digest;
}

void fetch_digest_add(struct fetch_digest *digest, const void *data, size_t n)
{
	if (EVP_DigestUpdate(digest->context, data, n) != 1)
		digest->failed = true;
}

int fetch_digest_end(struct fetch_digest *digest, char ret[static SHA256_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (digest->failed || EVP_DigestFinal_ex(digest->context, sum, &n) != 1 ||
		2 * n + 1 != SHA256_TEXT)
		return -EIO;
	for (unsigned i = 0; i < n; i++) {
		ret[2 * i] = digits[sum[i] >> 4];
		ret[2 * i + 1] = digits[sum[i] & 0xf];
	}
	ret[2 * n] = '\0';
	return 0;
}

struct fetch_digest *fetch_digest_free(struct fetch_digest *digest)
{
	if (!digest)
		return NULL;
	EVP_MD_CTX_free(digest->context);
	free(digest);
	return NULL;
}
