/* SPDX-License-Identifier: BSD-3-Clause */
/* A path table on a recorded data plane. */
#include "tests/unit/source/fixture.h"

#include <stdio.h>

struct fixture *fixture_new(void)
{
	struct fixture *f = g_new0(struct fixture, 1);

	f->config.paths = f->entries;
	f->config.udp_max_payload = 1452;
	f->config.read_timeout_ms = 10000;
	snprintf(f->config.dataplane.stats_socket, sizeof(f->config.dataplane.stats_socket),
		"/nonexistent/stats.sock");
	return f;
}

struct mr_config_path *fixture_add_rtsp(struct fixture *f, const char *name, const char *host,
	uint16_t port, enum mr_config_transport transport)
{
	uint32_t i = f->config.n_paths++;
	struct mr_config_path *p = &f->entries[i];

	snprintf(p->name, sizeof(p->name), "%s", name);
	snprintf(f->url[i], sizeof(f->url[i]), "rtsp://%s:%u/cam", host, port);
	snprintf(f->host[i], sizeof(f->host[i]), "%s", host);
	p->source.kind = MR_SOURCE_RTSP;
	p->source.url = f->url[i];
	p->source.host = f->host[i];
	p->source.port = port;
	p->rtsp_transport = transport;
	return p;
}

void fixture_open(struct fixture *f, bool attach)
{
	f->install = recorder_create(&f->recorder);
	g_assert(path_table_create(&f->table, &f->config, f->install) == 0);
	if (attach)
		recorder_attach(f->install);
	else
		recorder_absent(f->install);
}

void fixture_free(struct fixture *f)
{
	recorder_detach(f->install);
	run_ms(50);
	path_table_destroy(f->table);
	run_ms(50); /* what waits for the main loop to be freed */
	recorder_destroy(f->install);
	g_free(f);
}
