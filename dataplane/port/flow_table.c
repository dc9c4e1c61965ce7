/* SPDX-License-Identifier: BSD-3-Clause */
/* Flow table of one worker, on rte_hash. Runs on the worker's lcore. */
#include "dataplane/port/flow_table.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_jhash.h>
#include <rte_malloc.h>
#include <rte_random.h>
#include <stdio.h>
#include <string.h>

#define PUBLIC_MAX 32 /* endpoints that viewers come to */

/* No padding: hashed and compared as bytes. */
struct source_key {
	uint8_t addr[16];
	uint16_t port;
	uint16_t zero;
};
static_assert(sizeof(struct source_key) == 20, "source_key");

struct viewer_key {
	uint8_t local[16];
	uint8_t remote[16];
	uint16_t local_port;
	uint16_t remote_port;
};
static_assert(sizeof(struct viewer_key) == 36, "viewer_key");

/* Values lie at the position that rte_hash gives a key. */
struct flow_map {
	struct rte_hash *hash;
	struct flow_value *values;
};

struct flow_table {
	struct flow_map sources;
	struct flow_map viewers;
	uint32_t wildcards; /* sources with addr all zero */
	uint32_t n_public;
	struct mr_endpoint public[PUBLIC_MAX];
};

static struct source_key source_key(const struct mr_endpoint *local)
{
	struct source_key k = {.port = local->port};

	memcpy(k.addr, local->addr, sizeof(k.addr));
	return k;
}

static struct viewer_key viewer_key(
	const struct mr_endpoint *local, const struct mr_endpoint *remote)
{
	struct viewer_key k = {.local_port = local->port, .remote_port = remote->port};

	memcpy(k.local, local->addr, sizeof(k.local));
	memcpy(k.remote, remote->addr, sizeof(k.remote));
	return k;
}

static bool is_any(const uint8_t addr[16])
{
	static const uint8_t any[16];

	return memcmp(addr, any, sizeof(any)) == 0;
}

static int map_init(struct flow_map *m, const char *name, char suffix, uint32_t entries,
	uint32_t key_len, int socket_id)
{
	char hash_name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters p = {
		.name = hash_name,
		.entries = RTE_MAX(entries, 8u), /* the least that rte_hash takes */
		.key_len = key_len,
		.hash_func = rte_jhash,
		.hash_func_init_val = (uint32_t)rte_rand(), /* chosen by nobody outside */
		.socket_id = socket_id,
		/* A full bucket never refuses a key while there is room at all. */
		.extra_flag = RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
	};

	snprintf(hash_name, sizeof(hash_name), "%s_%c", name, suffix);
	m->hash = rte_hash_create(&p);
	if (m->hash == NULL)
		return -rte_errno;
	m->values = rte_zmalloc_socket(hash_name,
		sizeof(*m->values) * ((size_t)rte_hash_max_key_id(m->hash) + 1), 0, socket_id);
	if (m->values == NULL) {
		rte_hash_free(m->hash);
		m->hash = NULL;
		return -ENOMEM;
	}
	return 0;
}

static void map_fini(struct flow_map *m)
{
	rte_hash_free(m->hash);
	rte_free(m->values);
}

static int map_add(struct flow_map *m, const void *key, struct flow_value value)
{
	int32_t i;

	if (rte_hash_lookup(m->hash, key) >= 0)
		return -EEXIST;
	i = rte_hash_add_key(m->hash, key);
	if (i < 0)
		return i;
	m->values[i] = value;
	return 0;
}

static int map_del(struct flow_map *m, const void *key)
{
	int32_t i = rte_hash_del_key(m->hash, key);

	if (i < 0)
		return -ENOENT;
	memset(&m->values[i], 0, sizeof(m->values[i]));
	return 0;
}

static bool map_lookup(const struct flow_map *m, const void *key, struct flow_value *value)
{
	int32_t i = rte_hash_lookup(m->hash, key);

	if (i < 0)
		return false;
	*value = m->values[i];
	return true;
}

struct flow_table *flow_table_create(
	const char *name, uint32_t max_streams, uint32_t max_viewers, int socket_id)
{
	struct flow_table *t = rte_zmalloc_socket(name, sizeof(*t), 0, socket_id);

	if (t == NULL) {
		rte_errno = ENOMEM;
		return NULL;
	}
	if (map_init(&t->sources, name, 's', max_streams, sizeof(struct source_key), socket_id) < 0)
		goto err_table;
	if (map_init(&t->viewers, name, 'v', max_viewers, sizeof(struct viewer_key), socket_id) < 0)
		goto err_sources;
	return t;

err_sources:
	map_fini(&t->sources);
err_table:
	rte_free(t);
	return NULL;
}

void flow_table_destroy(struct flow_table *t)
{
	if (t == NULL)
		return;
	map_fini(&t->sources);
	map_fini(&t->viewers);
	rte_free(t);
}

int flow_table_add_source(
	struct flow_table *t, const struct mr_endpoint *local, struct flow_value value)
{
	struct source_key k = source_key(local);
	int rc = map_add(&t->sources, &k, value);

	if (rc == 0 && is_any(local->addr))
		t->wildcards++;
	return rc;
}

int flow_table_del_source(struct flow_table *t, const struct mr_endpoint *local)
{
	struct source_key k = source_key(local);
	int rc = map_del(&t->sources, &k);

	if (rc == 0 && is_any(local->addr))
		t->wildcards--;
	return rc;
}

int flow_table_add_viewer(struct flow_table *t, const struct mr_endpoint *local,
	const struct mr_endpoint *remote, struct flow_value value)
{
	struct viewer_key k = viewer_key(local, remote);

	return map_add(&t->viewers, &k, value);
}

int flow_table_del_viewer(
	struct flow_table *t, const struct mr_endpoint *local, const struct mr_endpoint *remote)
{
	struct viewer_key k = viewer_key(local, remote);

	return map_del(&t->viewers, &k);
}

int flow_table_add_public(struct flow_table *t, const struct mr_endpoint *local)
{
	for (uint32_t i = 0; i < t->n_public; i++)
		if (t->public[i].port == local->port &&
			memcmp(t->public[i].addr, local->addr, sizeof(local->addr)) == 0)
			return -EEXIST;
	if (t->n_public == PUBLIC_MAX)
		return -ENOSPC;
	t->public[t->n_public++] = *local;
	return 0;
}

bool flow_table_lookup_source(
	const struct flow_table *t, const struct mr_endpoint *local, struct flow_value *value)
{
	struct source_key k = source_key(local);

	if (map_lookup(&t->sources, &k, value))
		return true;
	if (t->wildcards == 0)
		return false;
	memset(k.addr, 0, sizeof(k.addr));
	return map_lookup(&t->sources, &k, value);
}

bool flow_table_lookup_viewer(const struct flow_table *t, const struct mr_endpoint *local,
	const struct mr_endpoint *remote, struct flow_value *value)
{
	struct viewer_key k = viewer_key(local, remote);

	return map_lookup(&t->viewers, &k, value);
}

bool flow_table_is_public(const struct flow_table *t, const struct mr_endpoint *local)
{
	for (uint32_t i = 0; i < t->n_public; i++) {
		const struct mr_endpoint *p = &t->public[i];

		if (p->port == local->port &&
			(is_any(p->addr) || memcmp(p->addr, local->addr, sizeof(p->addr)) == 0))
			return true;
	}
	return false;
}
