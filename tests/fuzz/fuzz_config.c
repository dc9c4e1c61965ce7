/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libFuzzer target of the session file's parser: any text gives a config or
 * problems, and what it gives keeps the parser's promises.
 *
 *	CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined \
 *		-Dc_args=-fsanitize=fuzzer-no-link
 *	ninja -C build-fuzz tests/fuzz/fuzz_config
 *	build-fuzz/tests/fuzz/fuzz_config -max_total_time=60 CORPUS docs/examples
 */
#include "controlplane/config/config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mr_config c;
	struct mr_config_report r;
	char line[sizeof(struct mr_config_problem) + 64];
	int rc = mr_config_parse(&c, (const char *)data, size, &r);

	require((rc == 0) == (r.errors == 0));
	require(r.count <= MR_CONFIG_PROBLEMS_MAX && r.count <= r.errors + r.warnings);
	for (size_t i = 0; i < r.count; i++)
		require(strlen(mr_config_problem_text(&r.problems[i], line, sizeof(line))) > 7);
	if (rc == 0) {
		require(c.dataplane.n_ports >= 1 && c.dataplane.n_workers >= 1);
		require(c.n_profiles >= 1);
		for (uint32_t i = 0; i < c.n_paths; i++)
			require(mr_config_find_path(&c, c.paths[i].name) == &c.paths[i]);
		for (uint32_t i = 0; i < c.n_sessions; i++)
			require(c.sessions[i].path < c.n_paths && c.sessions[i].profile != NULL &&
				c.sessions[i].to.port != 0);
	}
	mr_config_fini(&c);
	mr_config_report_fini(&r);
	return 0;
}
