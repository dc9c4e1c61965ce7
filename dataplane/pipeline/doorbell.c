/* SPDX-License-Identifier: BSD-3-Clause */
/* See doorbell.h. Main thread, before others know of it and after. */
#include "dataplane/pipeline/doorbell.h"

#include <errno.h>

int doorbell_open(struct doorbell *d)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return -errno;
	d->fd = fd;
	atomic_init(&d->asleep, false);
	d->open = true;
	return 0;
}

void doorbell_close(struct doorbell *d)
{
	if (d->open)
		close(d->fd);
	d->open = false;
}
