/* SPDX-License-Identifier: BSD-3-Clause */
/* dataplane/lifecycle/eal_args.c: what EAL is told, on machines of several sizes. */
#include "dataplane/lifecycle/dataplane.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct mr_config config;
static char *args[EAL_ARGS_MAX];
static char error[512];

static int setup(void **state)
{
	assert_int_equal(mr_config_defaults(&config), 0);
	config.dataplane.hugepages = MR_HUGEPAGES_OFF;
	return 0;
}

static int teardown(void **state)
{
	eal_args_free(args);
	mr_config_fini(&config);
	return 0;
}

static bool has(const char *arg)
{
	for (int i = 0; args[i] != NULL; i++)
		if (strcmp(args[i], arg) == 0)
			return true;
	return false;
}

static void on_cpus(unsigned int n)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (unsigned int i = 0; i < n; i++)
		CPU_SET(i, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

static void test_lcores(void **state)
{
	static const struct {
		const char *why;
		unsigned int cpus;
		uint16_t workers[3];
		unsigned int n_workers;
		const char *lcores; /* NULL: refused */
	} cases[] = {
		{"one CPU for all", 1, {0}, 1, "--lcores=0@(0),1@0"},
		{"the last of two", 2, {1}, 1, "--lcores=0@(0),1@1"},
		{"the first of two", 2, {0}, 1, "--lcores=0@(1),1@0"},
		{"both, in their order", 2, {1, 0}, 2, "--lcores=0@(0-1),1@1,2@0"},
		{"one that is not ours", 1, {1}, 1, NULL},
		{"one beyond all", 2, {0, 1023}, 2, NULL},
		{"one beyond what a set holds", 2, {65535}, 1, NULL},
	};
	cpu_set_t before;

	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	if (!CPU_ISSET(0, &before) || !CPU_ISSET(1, &before))
		skip();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int n;

		memcpy(config.dataplane.workers, cases[i].workers, sizeof(cases[i].workers));
		config.dataplane.n_workers = cases[i].n_workers;
		on_cpus(cases[i].cpus);
		error[0] = 0;
		n = eal_args_make(&config, args, error, sizeof(error));
		if ((n > 0) != (cases[i].lcores != NULL))
			fail_msg("%s: %d %s", cases[i].why, n, error);
		if (n > 0 && !has(cases[i].lcores))
			fail_msg("%s: %s", cases[i].why, args[1]);
		if (n < 0 && (strncmp(error, "dataplane.workers[", 18) != 0 || args[0] != NULL))
			fail_msg("%s: %s", cases[i].why, error);
		eal_args_free(args);
	}
	sched_setaffinity(0, sizeof(before), &before);
}

static void test_pci(void **state)
{
	struct mr_config_port *p = &config.dataplane.ports[0];

	if (access("/dev/net/tun", R_OK | W_OK) != 0)
		skip();
	config.dataplane.workers[0] = (uint16_t)sched_getcpu();
	config.dataplane.n_ports = 1;
	p->queues = 1;
	strcpy(p->name, "nic");
	strcpy(p->device, "0000:03:00.0");
	assert_true(eal_args_make(&config, args, error, sizeof(error)) > 0);
	assert_true(has("-a") && has("0000:03:00.0"));
	assert_false(has("--no-pci"));
	eal_args_free(args);
	strcpy(p->device, "net_null0");
	assert_true(eal_args_make(&config, args, error, sizeof(error)) > 0);
	assert_true(has("--no-pci"));
}

/* An accelerator is probed, a virtual device is made later. */
static void test_crypto(void **state)
{
	config.dataplane.workers[0] = (uint16_t)sched_getcpu();
	strcpy(config.dataplane.crypto, "cryptodev:crypto_aesni_mb");
	assert_true(eal_args_make(&config, args, error, sizeof(error)) > 0);
	assert_true(has("--no-pci"));
	eal_args_free(args);
	strcpy(config.dataplane.crypto, "cryptodev:0000:3d:01.0");
	strcpy(config.dataplane.crypto_pci, "0000:3d:01.0");
	assert_true(eal_args_make(&config, args, error, sizeof(error)) > 0);
	assert_true(has("-a") && has("0000:3d:01.0"));
	assert_false(has("--no-pci") || has("--iova-mode=va"));
}

static void test_hugepages(void **state)
{
	static const struct {
		const char *why;
		enum mr_config_hugepages hugepages;
		uint32_t memory_mb;
		const char *arg; /* NULL: refused */
	} cases[] = {
		{"off", MR_HUGEPAGES_OFF, 512, "--no-huge"},
		{"not enough of them", MR_HUGEPAGES_AUTO, 1u << 20, "--no-huge"},
		{"not enough, but wanted", MR_HUGEPAGES_ON, 1u << 20, NULL},
	};

	config.dataplane.workers[0] = (uint16_t)sched_getcpu();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int n;

		config.dataplane.hugepages = cases[i].hugepages;
		config.dataplane.memory_mb = cases[i].memory_mb;
		error[0] = 0;
		n = eal_args_make(&config, args, error, sizeof(error));
		if ((n > 0) != (cases[i].arg != NULL) || (n > 0 && !has(cases[i].arg)))
			fail_msg("%s: %d %s", cases[i].why, n, error);
		if (n < 0)
			assert_int_equal(strncmp(error, "dataplane.hugepages: ", 21), 0);
		eal_args_free(args);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lcores, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pci, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crypto, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hugepages, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
