/* SPDX-License-Identifier: BSD-3-Clause */
/* Wakes the data plane once per turn: see doorbell.h. Main thread. */
#include "controlplane/doorbell.h"

struct doorbell_source {
	GSource source;
	struct doorbell *bell;
};

void doorbell_flush(struct doorbell *bell)
{
	if (!bell->due || !bell->client)
		return;
	bell->due = false;
	mr_client_ring_doorbell(bell->client);
}

/* Before the loop sleeps. */
static gboolean prepare(GSource *source, gint *timeout)
{
	*timeout = -1;
	doorbell_flush(((struct doorbell_source *)source)->bell);
	return FALSE;
}

static gboolean dispatch(GSource *source, GSourceFunc callback, gpointer user)
{
	return G_SOURCE_CONTINUE;
}

void doorbell_init(struct doorbell *bell)
{
	static GSourceFuncs funcs = {.prepare = prepare, .dispatch = dispatch};

	bell->client = NULL;
	bell->due = false;
	bell->source = g_source_new(&funcs, sizeof(struct doorbell_source));
	((struct doorbell_source *)bell->source)->bell = bell;
	g_source_attach(bell->source, NULL);
}

void doorbell_fini(struct doorbell *bell)
{
	g_source_destroy(bell->source);
	g_source_unref(bell->source);
}
