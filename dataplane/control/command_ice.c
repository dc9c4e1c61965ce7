/* SPDX-License-Identifier: BSD-3-Clause */
/* ICE restart: a viewer's checks come with other credentials from here on. Main thread. */
#include "dataplane/control/control.h"

#include "crypto/secret.h"
#include "dataplane/pipeline/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int command_viewer_ice(struct control *c, const struct mr_viewer_ice *m)
{
	struct viewer_entry *e = table_find(c->tables.viewers, m->viewer_id);
	struct order o = {.type = ORDER_VIEWER_ICE, .ice = m};
	struct hmac_sha1_key integrity;
	int rc;

	if (m->local_ufrag_len == 0 || m->local_ufrag_len > sizeof(m->local_ufrag) ||
		m->local_pwd_len == 0 || m->local_pwd_len > sizeof(m->local_pwd) ||
		m->remote_ufrag_len == 0 || m->remote_ufrag_len > sizeof(m->remote_ufrag))
		return -EINVAL;
	if (e == NULL || e->fixed_kind != 0)
		return -ENOENT;
	rc = hmac_sha1_init(c->config.crypto, &integrity, m->local_pwd, m->local_pwd_len);
	if (rc != 0)
		return rc;
	o.remote_ufrag = malloc(m->remote_ufrag_len);
	if (o.remote_ufrag == NULL) {
		rc = -ENOMEM;
		goto out;
	}
	memcpy(o.remote_ufrag, m->remote_ufrag, m->remote_ufrag_len);
	o.viewer = e->viewer;
	o.integrity = &integrity;
	rc = tell_worker(c->config.workers.worker[e->viewer->worker], &o, 1);
	free(o.remote_ufrag); /* the one that is not the viewer's */
out:
	secret_wipe(&integrity, sizeof(integrity));
	return rc;
}
