/* SPDX-License-Identifier: BSD-3-Clause */
/* See backend.h. */
#include "tests/unit/crypto/backend.h"

#include <rte_eal.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

const char *backend_name(void)
{
	const char *name = getenv("MILLRACE_TEST_CRYPTO");

	return name != NULL ? name : "ipsec-mb";
}

bool backend_is_cryptodev(void)
{
	return strncmp(backend_name(), "cryptodev:", strlen("cryptodev:")) == 0;
}

int backend_profiles(void)
{
	return strcmp(backend_name(), "cryptodev:crypto_aesni_gcm") == 0 ? 2 : BACKEND_PROFILES;
}

int backend_eal(void **state)
{
	const char *argv[] = {"test", "--no-huge", "-m", "64", "--no-pci", "--no-shconf",
		"--no-telemetry", "--file-prefix=mr-unit", "--log-level", "*:error"};
	cpu_set_t cpus;
	int rc;

	if (!backend_is_cryptodev())
		return 0;
	sched_getaffinity(0, sizeof(cpus), &cpus);
	/* The EAL only reorders the array. */
	rc = rte_eal_init(sizeof(argv) / sizeof(argv[0]), (char **)(uintptr_t)argv);
	/* Tests run side by side: none of them keeps to the first processor. */
	sched_setaffinity(0, sizeof(cpus), &cpus);
	return rc < 0 ? -1 : 0;
}

int backend_eal_end(void **state)
{
	return backend_is_cryptodev() ? rte_eal_cleanup() : 0;
}
