/* SPDX-License-Identifier: BSD-3-Clause */
/* One attempt to connect: see connector.h. connect_thread() runs on a thread of
 * GLib's pool and shares nothing but its job; the rest on the main thread. */
#include "controlplane/connector.h"

#include "controlplane/handover.h"

#include <errno.h>

#define CONNECT_TIMEOUT_MS 1000

struct job {
	struct handover handover;
	char *socket_path;
	connector_fn done;
	void *user;
	struct mr_client client;
	int rc; /* 0: the client is open and the job's */
};

static void job_free(gpointer data)
{
	struct job *job = data;

	handover_take(&job->handover);
	if (job->rc == 0)
		mr_client_close(&job->client);
	g_free(job->socket_path);
	g_free(job);
}

static void connect_thread(
	GTask *task, gpointer source, gpointer task_data, GCancellable *cancellable)
{
	struct job *job = task_data;

	handover_take(&job->handover);
	job->rc = mr_client_connect(&job->client, job->socket_path, CONNECT_TIMEOUT_MS);
	handover_give(&job->handover);
	g_task_return_boolean(task, TRUE);
}

static void on_done(GObject *source, GAsyncResult *result, gpointer user)
{
	struct job *job = g_task_get_task_data(G_TASK(result));
	int rc;

	handover_take(&job->handover);
	rc = job->rc;
	/* Cancelled: nobody is there any more, the job closes what it has. */
	if (!g_cancellable_is_cancelled(g_task_get_cancellable(G_TASK(result)))) {
		if (rc == 0)
			job->rc = -ECANCELED; /* the client is the callee's now */
		job->done(rc, &job->client, job->user);
	}
	handover_give(&job->handover); /* the last reference may be the thread's */
}

void connector_start(const char *socket_path, GCancellable *cancel, connector_fn done, void *user)
{
	GTask *task = g_task_new(NULL, cancel, on_done, NULL);
	struct job *job = g_new0(struct job, 1);

	job->rc = -ECANCELED;
	job->socket_path = g_strdup(socket_path);
	job->done = done;
	job->user = user;
	g_task_set_task_data(task, job, job_free);
	handover_give(&job->handover);
	g_task_run_in_thread(task, connect_thread);
	g_object_unref(task);
}
