/* SPDX-License-Identifier: BSD-3-Clause */
/* See ssrc_store.h. Main thread, before the workers start. */
#include "dataplane/control/ssrc_store.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "fixed-sessions"
#define HEAD "millrace fixed-sessions 1\n"
#define DIGEST_HEX 64                     /* SHA-256 */
#define LINE_LEN (DIGEST_HEX + 1 + 8 + 1) /* digest, blank, SSRC, line end */
#define FILE_MAX (64u << 20)

struct used {
	char digest[DIGEST_HEX];
	uint32_t ssrc;
};

struct ssrc_store {
	int fd;      /* owned, locked, appending */
	bool broken; /* a write failed: the file's end is not known, nothing more is reserved */
	struct used *used;
	size_t n;
	size_t capacity;
};

static int hex_digest(const uint8_t *key, size_t key_len, char out[DIGEST_HEX + 1])
{
	static const char label[] = "millrace fixed session key";
	uint8_t text[sizeof(label) + 64];
	uint8_t md[EVP_MAX_MD_SIZE];
	int ok;

	if (key_len > 64)
		return -EINVAL;
	memcpy(text, label, sizeof(label));
	memcpy(text + sizeof(label), key, key_len);
	ok = EVP_Digest(text, sizeof(label) + key_len, md, NULL, EVP_sha256(), NULL);
	OPENSSL_cleanse(text, sizeof(text));
	if (ok != 1)
		return -EIO;
	for (int i = 0; i < DIGEST_HEX / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", md[i]);
	return 0;
}

static int remember(struct ssrc_store *s, const char *digest, uint32_t ssrc)
{
	if (s->n == s->capacity) {
		size_t larger = s->capacity == 0 ? 64 : s->capacity * 2;
		struct used *u = realloc(s->used, larger * sizeof(*u));
		if (u == NULL)
			return -ENOMEM;
		s->used = u;
		s->capacity = larger;
	}
	memcpy(s->used[s->n].digest, digest, DIGEST_HEX);
	s->used[s->n++].ssrc = ssrc;
	return 0;
}

static bool was_used(const struct ssrc_store *s, const char *digest, uint32_t ssrc)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->used[i].ssrc == ssrc && memcmp(s->used[i].digest, digest, DIGEST_HEX) == 0)
			return true;
	return false;
}

static int parse_line(struct ssrc_store *s, const char *line)
{
	char number[9] = {0};
	char *end;

	if (strspn(line, "0123456789abcdef") != DIGEST_HEX || line[DIGEST_HEX] != ' ' ||
		strspn(line + DIGEST_HEX + 1, "0123456789abcdef") != 8 ||
		line[LINE_LEN - 1] != '\n')
		return -EBADMSG;
	memcpy(number, line + DIGEST_HEX + 1, 8);
	return remember(s, line, (uint32_t)strtoul(number, &end, 16));
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	rc = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return rc;
}

/* A new one is as lasting as the file that goes into it. */
static int make_directory(const char *directory)
{
	char parent[4096];

	if (mkdir(directory, 0750) != 0)
		return errno == EEXIST ? 0 : -errno;
	snprintf(parent, sizeof(parent), "%s/..", directory);
	return sync_directory(parent);
}

/* A line that a crash cut off was never reserved: it is taken away. */
static int parse_text(struct ssrc_store *s, const char *text, size_t len, size_t *whole)
{
	size_t at = sizeof(HEAD) - 1;

	if (len < at) {
		*whole = 0;
		return memcmp(text, HEAD, len) == 0 ? 0 : -EBADMSG;
	}
	if (memcmp(text, HEAD, at) != 0)
		return -EBADMSG;
	for (; at + LINE_LEN <= len; at += LINE_LEN) {
		int rc = parse_line(s, text + at);
		if (rc != 0)
			return rc;
	}
	*whole = at;
	return memchr(text + at, '\n', len - at) == NULL ? 0 : -EBADMSG;
}

static int read_file(struct ssrc_store *s)
{
	struct stat st;
	size_t whole = 0;
	size_t have = 0;
	char *text;
	int rc;

	if (fstat(s->fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > (off_t)FILE_MAX)
		return -EFBIG;
	text = malloc((size_t)st.st_size + 1);
	if (text == NULL)
		return -ENOMEM;
	while (have < (size_t)st.st_size) {
		ssize_t n = pread(s->fd, text + have, (size_t)st.st_size - have, (off_t)have);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	text[have] = 0;
	rc = have == (size_t)st.st_size ? parse_text(s, text, have, &whole) : -EIO;
	free(text);
	if (rc != 0)
		return rc;
	if (whole < have && ftruncate(s->fd, (off_t)whole) != 0)
		return -errno;
	if (whole == 0)
		rc = write_all(s->fd, HEAD, sizeof(HEAD) - 1);
	if (rc == 0 && fsync(s->fd) != 0)
		rc = -errno;
	return rc;
}

struct ssrc_store *ssrc_store_open(const char *directory, char *error, size_t error_len)
{
	struct ssrc_store *s = calloc(1, sizeof(*s));
	char path[4096];
	int rc = -ENOMEM;

	if (s == NULL)
		goto err;
	s->fd = -1;
	snprintf(path, sizeof(path), "%s/" FILE_NAME, directory);
	rc = make_directory(directory);
	if (rc != 0)
		goto err;
	s->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd < 0) {
		rc = -errno;
		goto err;
	}
	if (flock(s->fd, LOCK_EX | LOCK_NB) != 0) {
		rc = -EBUSY;
		goto err;
	}
	rc = read_file(s);
	if (rc == 0)
		rc = sync_directory(directory);
	if (rc == 0)
		return s;
err:
	snprintf(error, error_len, "%s/" FILE_NAME ": %s", directory,
		rc == -EBADMSG
			? "holds a line that is not ours; restore it, or give every session a "
			  "new key and remove it"
		: rc == -EBUSY ? "another data plane has it"
		: rc == -EFBIG ? "is full; give every session a new key and remove it"
		: rc == -EACCES || rc == -EROFS ? "this process may not write there"
						: strerror(-rc));
	ssrc_store_close(s);
	return NULL;
}

void ssrc_store_close(struct ssrc_store *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->used);
	free(s);
}

int ssrc_store_reserve(
	struct ssrc_store *s, const uint8_t *key, size_t key_len, uint32_t wanted, uint32_t *ssrc)
{
	char digest[DIGEST_HEX + 1];
	char line[LINE_LEN + 1];
	uint32_t candidate = wanted;
	int rc = hex_digest(key, key_len, digest);

	if (rc != 0 || s->broken)
		return rc != 0 ? rc : -EIO;
	while (candidate == 0 || (wanted == 0 && was_used(s, digest, candidate)))
		if (getrandom(&candidate, sizeof(candidate), 0) != (ssize_t)sizeof(candidate))
			return -EIO;
	if (was_used(s, digest, candidate))
		return -EEXIST;
	rc = remember(s, digest, candidate);
	if (rc != 0)
		return rc;
	snprintf(line, sizeof(line), "%s %08x\n", digest, candidate);
	rc = write_all(s->fd, line, LINE_LEN);
	if (rc == 0 && fdatasync(s->fd) != 0)
		rc = -errno;
	if (rc == 0)
		*ssrc = candidate;
	else
		s->broken = true;
	return rc;
}
