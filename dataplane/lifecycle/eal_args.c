/* SPDX-License-Identifier: BSD-3-Clause */
/* The session file's words as EAL arguments. Main thread, at start. */
#include "dataplane/lifecycle/dataplane.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct args {
	char **v;
	int n;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void add(struct args *a, const char *format, ...)
{
	va_list ap;

	if (a->failed || a->n >= EAL_ARGS_MAX - 1) {
		a->failed = true;
		return;
	}
	va_start(ap, format);
	if (vasprintf(&a->v[a->n], format, ap) < 0)
		a->failed = true;
	else
		a->n++;
	va_end(ap);
}

void eal_args_free(char **args)
{
	for (int i = 0; i < EAL_ARGS_MAX && args[i] != NULL; i++) {
		free(args[i]);
		args[i] = NULL;
	}
}

static void endpoint_address(const struct mr_endpoint *e, char *to, size_t len)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	if (memcmp(e->addr, mapped, sizeof(mapped)) == 0)
		inet_ntop(AF_INET, e->addr + 12, to, (socklen_t)len);
	else
		inet_ntop(AF_INET6, e->addr, to, (socklen_t)len);
}

void port_config_from(struct port_config *to, struct port_config_storage *storage,
	const struct mr_config *config, unsigned int index)
{
	const struct mr_config_port *p = &config->dataplane.ports[index];

	memset(to, 0, sizeof(*to));
	to->name = p->name;
	to->device = p->device;
	to->queues = (uint16_t)p->queues;
	to->xdp_object = config->dataplane.xdp_object;
	for (uint32_t i = 0; i < p->n_addresses; i++) {
		char text[INET6_ADDRSTRLEN];

		endpoint_address(&p->addresses[i].address, text, sizeof(text));
		snprintf(storage->addresses[i], sizeof(storage->addresses[i]), "%s/%u", text,
			p->addresses[i].length);
		storage->pointers[i] = storage->addresses[i];
	}
	to->addresses = storage->pointers;
	to->n_addresses = p->n_addresses;
	if (p->has_gateway) {
		endpoint_address(&p->gateway, storage->gateway, sizeof(storage->gateway));
		to->gateway = storage->gateway;
	}
}

/* Reserved hugepages of the usual sizes. */
static bool hugepages_there(void)
{
	static const char *const files[] = {
		"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages",
		"/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages",
	};
	unsigned long n = 0;

	for (unsigned int i = 0; i < sizeof(files) / sizeof(files[0]) && n == 0; i++) {
		FILE *f = fopen(files[i], "re");

		if (f == NULL)
			continue;
		if (fscanf(f, "%lu", &n) != 1)
			n = 0;
		fclose(f);
	}
	return n > 0;
}

static bool is_worker(const struct mr_config_dataplane *d, int cpu)
{
	for (uint32_t i = 0; i < d->n_workers; i++)
		if (d->workers[i] == cpu)
			return true;
	return false;
}

/*
 * One lcore per worker, pinned to the CPU of the same number; the main thread on
 * every CPU that is no worker's (or on all, when the workers take all).
 */
static int add_lcores(struct args *a, const struct mr_config_dataplane *d, char *error, size_t len)
{
	char list[2048] = "";
	char rest[1024] = "";
	char all[1024] = "";
	cpu_set_t set;
	int main_lcore = 0;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return -errno;
	for (uint32_t i = 0; i < d->n_workers; i++) {
		if (d->workers[i] >= CPU_SETSIZE || !CPU_ISSET(d->workers[i], &set)) {
			snprintf(error, len,
				"dataplane.workers[%u]: CPU %u is not there for this process "
				"(%d are); choose others",
				i, d->workers[i], CPU_COUNT(&set));
			return -EINVAL;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), ",%u@%u", d->workers[i],
			d->workers[i]);
	}
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &set))
			continue;
		char *to = is_worker(d, cpu) ? all : rest;
		snprintf(to + strlen(to), sizeof(rest) - strlen(to), "%s%d", to[0] ? "," : "", cpu);
	}
	while (is_worker(d, main_lcore))
		main_lcore++;
	if (main_lcore >= RTE_MAX_LCORE) {
		snprintf(error, len, "dataplane.workers: no lcore is left for the main thread");
		return -EINVAL;
	}
	add(a, "--lcores=%d@(%s)%s", main_lcore, rest[0] ? rest : all, list);
	add(a, "--main-lcore=%d", main_lcore);
	return 0;
}

int eal_args_make(const struct mr_config *config, char **args, char *error, size_t error_len)
{
	const struct mr_config_dataplane *d = &config->dataplane;
	struct args a = {.v = args};
	bool pci = false;
	bool huge = d->hugepages == MR_HUGEPAGES_ON ||
		    (d->hugepages == MR_HUGEPAGES_AUTO && hugepages_there());
	int rc;

	memset(args, 0, EAL_ARGS_MAX * sizeof(args[0]));
	add(&a, "millrace-dataplane");
	rc = add_lcores(&a, d, error, error_len);
	if (rc != 0)
		goto err;
	if (huge) {
		add(&a, "--in-memory");
	} else {
		add(&a, "--no-huge");
		add(&a, "--no-shconf");
	}
	add(&a, "-m");
	add(&a, "%u", d->memory_mb);
	add(&a, "--file-prefix=%s", d->file_prefix);
	add(&a, "--log-level=*:%s", config->log_level == MR_LEVEL_DEBUG ? "info" : "error");
	for (uint32_t i = 0; i < d->n_ports; i++) {
		struct port_config_storage storage = {0};
		struct port_config pc;

		port_config_from(&pc, &storage, config, i);
		rc = port_eal_args(&pc, i, args + a.n, (unsigned int)(EAL_ARGS_MAX - 3 - a.n),
			error, error_len);
		if (rc < 0)
			goto err;
		for (int k = 0; k < rc; k++)
			pci |= strcmp(args[a.n + k], "-a") == 0;
		a.n += rc;
	}
	if (!pci) {
		add(&a, "--no-pci");
		add(&a, "--iova-mode=va"); /* pools in one piece, as AF_XDP needs them */
	}
	if (a.failed) {
		snprintf(error, error_len, "out of memory");
		rc = -ENOMEM;
		goto err;
	}
	return a.n;
err:
	eal_args_free(args);
	return rc;
}
