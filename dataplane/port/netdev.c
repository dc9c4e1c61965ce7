/* SPDX-License-Identifier: BSD-3-Clause */
/* Interfaces of the kernel, by ioctl and sysfs. Main thread. */
#include "dataplane/port/netdev.h"

#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int netdev_ioctl(int fd, const char *name, unsigned long request, struct ifreq *ifr)
{
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", name);
	return ioctl(fd, request, ifr) == 0 ? 0 : -errno;
}

/* The kernel lists exactly the active queues in sysfs, but the sysfs that is
 * mounted may belong to another network namespace: then -ENOENT. */
static int rx_queues_of_sysfs(const struct netdev *d)
{
	char path[64];
	struct dirent *e;
	unsigned int ifindex = 0;
	int n = 0;
	FILE *f;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", d->name);
	f = fopen(path, "re");
	if (f == NULL)
		return -ENOENT;
	if (fscanf(f, "%u", &ifindex) != 1 || ifindex != d->ifindex)
		n = -ENOENT;
	fclose(f);
	if (n < 0)
		return n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/queues", d->name);
	dir = opendir(path);
	if (dir == NULL)
		return -ENOENT;
	while ((e = readdir(dir)) != NULL)
		n += strncmp(e->d_name, "rx-", 3) == 0;
	closedir(dir);
	return n > 0 ? n : -ENOENT;
}

static void read_queues(int fd, struct netdev *d)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ifreq ifr = {.ifr_data = (void *)&channels};
	int n = rx_queues_of_sysfs(d);

	d->rx_queues = 1;
	d->max_queues = 0;
	if (netdev_ioctl(fd, d->name, SIOCETHTOOL, &ifr) == 0) {
		/* Drivers name the same queues twice (veth) or give each kind its own. */
		uint32_t active = channels.combined_count > channels.rx_count
					  ? channels.combined_count
					  : channels.rx_count;
		d->rx_queues = (uint16_t)(active > 0 ? active : 1);
		d->max_queues = (uint16_t)channels.max_combined;
	}
	if (n > 0)
		d->rx_queues = (uint16_t)n;
}

int netdev_read(struct netdev *d, const char *name)
{
	struct ifreq ifr = {0};
	int fd, rc;

	memset(d, 0, sizeof(*d));
	if (strlen(name) >= sizeof(d->name))
		return -ENODEV;
	memcpy(d->name, name, strlen(name));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	rc = netdev_ioctl(fd, name, SIOCGIFINDEX, &ifr);
	if (rc < 0)
		goto out;
	d->ifindex = (uint32_t)ifr.ifr_ifindex;
	rc = netdev_ioctl(fd, name, SIOCGIFFLAGS, &ifr);
	if (rc < 0)
		goto out;
	d->up = (ifr.ifr_flags & IFF_UP) != 0;
	d->running = (ifr.ifr_flags & IFF_RUNNING) != 0;
	rc = netdev_ioctl(fd, name, SIOCGIFMTU, &ifr);
	if (rc < 0)
		goto out;
	d->mtu = (uint16_t)(ifr.ifr_mtu > UINT16_MAX ? UINT16_MAX : ifr.ifr_mtu);
	rc = netdev_ioctl(fd, name, SIOCGIFHWADDR, &ifr);
	if (rc < 0)
		goto out;
	memcpy(d->mac, ifr.ifr_hwaddr.sa_data, sizeof(d->mac));
	read_queues(fd, d);
out:
	close(fd);
	return rc;
}

bool netdev_running(const char *name)
{
	struct ifreq ifr = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool running;

	if (fd < 0)
		return false;
	running = netdev_ioctl(fd, name, SIOCGIFFLAGS, &ifr) == 0 &&
		  (ifr.ifr_flags & IFF_RUNNING) != 0;
	close(fd);
	return running;
}
