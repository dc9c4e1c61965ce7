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

/* Reserved hugepages of the usual sizes that nobody uses [MB]. */
static unsigned long hugepages_free(void)
{
	static const struct {
		const char *file;
		unsigned long mb;
	} sizes[] = {
		{"/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", 2},
		{"/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", 1024},
	};
	unsigned long mb = 0;

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		FILE *f = fopen(sizes[i].file, "re");
		unsigned long n;

		if (f == NULL)
			continue;
		if (fscanf(f, "%lu", &n) == 1)
			mb += n * sizes[i].mb;
		fclose(f);
	}
	return mb;
}

bool hugepages_warning(const struct mr_config *config, char *text, size_t len)
{
	uint32_t needed = dataplane_memory(config);
	unsigned long mb = hugepages_free();

	if (config->dataplane.hugepages != MR_HUGEPAGES_AUTO || mb == 0 || mb >= needed)
		return false;
	return snprintf(text, len,
		       "dataplane.hugepages: starts without, because %lu MB of them are free and "
		       "%u MB are needed; reserve more (sysctl vm.nr_hugepages) or give "
		       "dataplane.memory less",
		       mb, needed) > 0;
}

/* Whether EAL is to use them: 0 or 1, or -errno. */
static int hugepages_choose(const struct mr_config *config, char *error, size_t len)
{
	const struct mr_config_dataplane *d = &config->dataplane;
	uint32_t needed = dataplane_memory(config);
	unsigned long mb = d->hugepages == MR_HUGEPAGES_OFF ? 0 : hugepages_free();

	if (d->hugepages != MR_HUGEPAGES_ON)
		return mb >= needed;
	if (mb >= needed)
		return 1;
	snprintf(error, len,
		"dataplane.hugepages: true, but %lu MB are free of the %u MB of "
		"dataplane.memory; reserve more (sysctl vm.nr_hugepages) or say \"auto\"",
		mb, needed);
	return -ENOMEM;
}

/* "0-3,8" */
static void cpus_print(FILE *to, const cpu_set_t *set)
{
	const char *comma = "";

	for (int first = 0; first < CPU_SETSIZE; first++) {
		int last = first;

		if (!CPU_ISSET(first, set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		fprintf(to, "%s%d", comma, first);
		if (last > first)
			fprintf(to, "-%d", last);
		comma = ",";
		first = last;
	}
}

static int worker_cpus_check(
	const struct mr_config_dataplane *d, const cpu_set_t *set, char *error, size_t len)
{
	for (uint32_t i = 0; i < d->n_workers; i++) {
		FILE *f;

		if (d->workers[i] < CPU_SETSIZE && CPU_ISSET(d->workers[i], set))
			continue;
		f = fmemopen(error, len, "w");
		if (f == NULL)
			return -errno;
		fprintf(f, "dataplane.workers[%u]: there is no CPU %u for this process; choose of ",
			i, d->workers[i]);
		cpus_print(f, set);
		fclose(f);
		return -EINVAL;
	}
	return 0;
}

/*
 * lcore 0 is the main thread, on every CPU that is no worker's (or on all, when
 * the workers take all); lcore 1 + i is worker i, pinned to its CPU.
 */
static int add_lcores(struct args *a, const struct mr_config_dataplane *d, char *error, size_t len)
{
	cpu_set_t set, rest;
	char *text = NULL;
	size_t size;
	FILE *f;
	int rc;

	if (sched_getaffinity(0, sizeof(set), &set) != 0) {
		rc = -errno;
		snprintf(error, len, "the CPUs of this process: %s", strerror(-rc));
		return rc;
	}
	rc = worker_cpus_check(d, &set, error, len);
	if (rc != 0)
		return rc;
	rest = set;
	for (uint32_t i = 0; i < d->n_workers; i++)
		CPU_CLR(d->workers[i], &rest);
	f = open_memstream(&text, &size);
	if (f == NULL) {
		a->failed = true;
		return 0;
	}
	fprintf(f, "--lcores=0@(");
	cpus_print(f, CPU_COUNT(&rest) > 0 ? &rest : &set);
	fputc(')', f);
	for (uint32_t i = 0; i < d->n_workers; i++)
		fprintf(f, ",%u@%u", 1 + i, d->workers[i]);
	a->failed |= fclose(f) != 0;
	add(a, "%s", text);
	add(a, "--main-lcore=0");
	free(text);
	return 0;
}

int eal_args_make(const struct mr_config *config, char **args, char *error, size_t error_len)
{
	const struct mr_config_dataplane *d = &config->dataplane;
	struct args a = {.v = args};
	bool pci = false;
	int huge = hugepages_choose(config, error, error_len);
	int rc;

	memset(args, 0, EAL_ARGS_MAX * sizeof(args[0]));
	if (huge < 0)
		return huge;
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
	add(&a, "%u", dataplane_memory(config));
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
	/* Virtual crypto devices are made later, by crypto/cryptodev_engine.c. */
	if (d->crypto_pci[0] != 0) {
		add(&a, "-a");
		add(&a, "%s", d->crypto_pci);
		pci = true;
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
