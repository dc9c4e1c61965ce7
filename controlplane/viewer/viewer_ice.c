/* SPDX-License-Identifier: BSD-3-Clause */
/* ICE restarts of a viewer: see viewer_ice.h. Main thread. */
#include "controlplane/viewer/viewer_ice.h"

#include "controlplane/log.h"
#include "controlplane/viewer/viewer_install.h"
#include "crypto/secret.h"

#include <errno.h>
#include <string.h>

int viewer_restart_ice(struct viewer *v, const char *remote_ufrag)
{
	char ufrag[ICE_LITE_UFRAG_LEN + 1], pwd[ICE_LITE_PWD_LEN + 1];
	char etag[VIEWER_ETAG_LEN + 1];

	if (ice_lite_random(ufrag, ICE_LITE_UFRAG_LEN) < 0 ||
		ice_lite_random(pwd, ICE_LITE_PWD_LEN) < 0 ||
		viewer_random_hex(etag, VIEWER_ETAG_LEN) < 0)
		return -EIO;
	v->env->ufrags_leave(v, v->env->user);
	memcpy(v->next.ufrag, ufrag, sizeof(ufrag));
	memcpy(v->next.pwd, pwd, sizeof(pwd));
	memcpy(v->etag, etag, sizeof(etag));
	viewer_text_free(v->next.remote_ufrag);
	v->next.remote_ufrag = viewer_text_new(remote_ufrag);
	v->env->ufrags_enter(v, v->env->user);
	secret_wipe(pwd, sizeof(pwd));
	if (v->installed)
		viewer_install_record(v);
	log_info(v->name, "event=ice_restart");
	return 0;
}

static void tell_dataplane(const struct viewer *v)
{
	struct mr_command command = {.type = MR_COMMAND_VIEWER_ICE};
	struct mr_viewer_ice *m = &command.viewer_ice;

	m->viewer_id = v->id;
	m->local_ufrag_len = (uint16_t)strlen(v->ufrag);
	m->local_pwd_len = (uint16_t)strlen(v->pwd);
	m->remote_ufrag_len = (uint16_t)strlen(v->remote_ufrag);
	memcpy(m->local_ufrag, v->ufrag, m->local_ufrag_len);
	memcpy(m->local_pwd, v->pwd, m->local_pwd_len);
	memcpy(m->remote_ufrag, v->remote_ufrag, m->remote_ufrag_len);
	install_command(v->env->install, &command, NULL, NULL);
	secret_wipe(&command, sizeof(command));
}

void viewer_ice_commit(struct viewer *v)
{
	v->env->ufrags_leave(v, v->env->user);
	memcpy(v->ufrag, v->next.ufrag, sizeof(v->ufrag));
	memcpy(v->pwd, v->next.pwd, sizeof(v->pwd));
	viewer_text_free(v->remote_ufrag);
	v->remote_ufrag = v->next.remote_ufrag;
	secret_wipe(&v->next, sizeof(v->next));
	v->env->ufrags_enter(v, v->env->user);
	log_info(v->name, "event=ice_restarted");
	if (!v->installed)
		return;
	tell_dataplane(v);
	viewer_install_record(v);
}
