/* SPDX-License-Identifier: BSD-3-Clause */
/* See xdp_sockets.h. Main thread. */
#include "dataplane/port/xdp_sockets.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>

static bool is_xdp(int fd)
{
	int domain = 0;
	socklen_t len = sizeof(domain);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_XDP;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

unsigned int xdp_sockets_list(int *fds, unsigned int max)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;
	struct dirent *e;

	if (dir == NULL)
		return 0;
	while (n < max && (e = readdir(dir)) != NULL) {
		int fd = (int)strtol(e->d_name, NULL, 10); /* "." and "..": 0 */

		if (fd > 0 && is_xdp(fd))
			fds[n++] = fd;
	}
	closedir(dir);
	qsort(fds, n, sizeof(fds[0]), compare);
	return n;
}
