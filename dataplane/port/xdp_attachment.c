/* SPDX-License-Identifier: BSD-3-Clause */
/* XDP programs and maps of an interface, through libbpf and libxdp. Main thread. */
#include "dataplane/port/xdp_attachment.h"

#include "dataplane/port/xdp/listen_map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <xdp/libxdp.h>

#define DISPATCHER_NAME "xdp_dispatcher"
#define MAPS_MAX 16

/* The program that the interface runs and the mode it was attached in, as a
 * flag for detaching; id 0: none. */
static int attached(uint32_t ifindex, uint32_t *id, uint32_t *mode)
{
	struct bpf_xdp_query_opts q = {.sz = sizeof(q)};
	int rc = bpf_xdp_query((int)ifindex, 0, &q);

	if (rc < 0)
		return rc;
	*id = q.prog_id;
	*mode = q.attach_mode == XDP_ATTACHED_SKB  ? XDP_FLAGS_SKB_MODE
		: q.attach_mode == XDP_ATTACHED_HW ? XDP_FLAGS_HW_MODE
						   : XDP_FLAGS_DRV_MODE;
	if (q.attach_mode == XDP_ATTACHED_MULTI) {
		/* Several at once: what the driver runs sees packets first. */
		*id = q.drv_prog_id != 0 ? q.drv_prog_id : q.skb_prog_id;
		*mode = q.drv_prog_id != 0 ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
	}
	return 0;
}

static int program_info(uint32_t id, struct bpf_prog_info *info, uint32_t *maps, uint32_t n_maps)
{
	uint32_t len = sizeof(*info);
	int fd = bpf_prog_get_fd_by_id(id);
	int rc;

	if (fd < 0)
		return fd;
	memset(info, 0, sizeof(*info));
	info->map_ids = (uint64_t)(uintptr_t)maps;
	info->nr_map_ids = n_maps;
	rc = bpf_obj_get_info_by_fd(fd, info, &len);
	close(fd);
	return rc;
}

/* A dispatcher of libxdp that runs nothing but our program goes as a whole. */
static int dispatcher_clear(uint32_t ifindex, const char *interface, char *error, size_t error_len)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex((int)ifindex);
	struct xdp_program *p = NULL;
	int rc = (int)libxdp_get_error(mp);
	int ours = 0;

	if (rc != 0) {
		snprintf(error, error_len, "%s: cannot look into the XDP dispatcher: %s", interface,
			strerror(-rc));
		return rc;
	}
	while ((p = xdp_multiprog__next_prog(p, mp)) != NULL) {
		const char *name = xdp_program__name(p);

		if (name != NULL && strncmp(name, XDP_PROGRAM_NAME, BPF_OBJ_NAME_LEN - 1) == 0) {
			ours++;
			continue;
		}
		snprintf(error, error_len,
			"%s already runs the XDP program '%s' (through libxdp's dispatcher), which "
			"is "
			"not millrace's; unload it or choose another interface",
			interface, name != NULL ? name : "?");
		rc = -EBUSY;
		break;
	}
	if (rc == 0 && ours == 0) {
		snprintf(error, error_len, "%s already runs libxdp's dispatcher; unload it first",
			interface);
		rc = -EBUSY;
	}
	if (rc == 0) {
		rc = xdp_multiprog__detach(mp);
		if (rc != 0)
			snprintf(error, error_len, "%s: cannot detach a stale XDP program: %s",
				interface, strerror(-rc));
	}
	xdp_multiprog__close(mp);
	return rc;
}

int xdp_attachment_clear(uint32_t ifindex, const char *interface, char *error, size_t error_len)
{
	struct bpf_prog_info info;
	uint32_t id, mode;
	int rc = attached(ifindex, &id, &mode);

	if (rc == 0 && id == 0)
		return 0;
	if (rc == 0)
		rc = program_info(id, &info, NULL, 0);
	if (rc < 0) {
		snprintf(error, error_len,
			"%s: cannot ask for its XDP program: %s (this needs CAP_NET_ADMIN and "
			"CAP_BPF, or "
			"root)",
			interface, strerror(-rc));
		return rc;
	}
	if (strcmp(info.name, DISPATCHER_NAME) == 0)
		return dispatcher_clear(ifindex, interface, error, error_len);
	if (strcmp(info.name, XDP_PROGRAM_NAME) != 0) {
		snprintf(error, error_len,
			"%s already runs the XDP program '%s' (id %u), which is not millrace's; "
			"detach it "
			"(ip link set dev %s xdp off) or choose another interface",
			interface, info.name, id, interface);
		return -EBUSY;
	}

	/* Only as long as it is still the same. */
	int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_xdp_attach_opts opts = {.sz = sizeof(opts), .old_prog_fd = fd};

	rc = fd < 0 ? fd : bpf_xdp_detach((int)ifindex, mode, &opts);
	if (fd >= 0)
		close(fd);
	if (rc < 0)
		snprintf(error, error_len, "%s: cannot detach a stale XDP program: %s", interface,
			strerror(-rc));
	return rc;
}

int xdp_attachment_listen_map(uint32_t ifindex)
{
	uint32_t maps[MAPS_MAX];
	struct bpf_prog_info info;
	uint32_t id, mode;
	int rc = attached(ifindex, &id, &mode);

	if (rc == 0 && id == 0)
		return -ENOENT;
	if (rc == 0)
		rc = program_info(id, &info, maps, MAPS_MAX);
	if (rc < 0)
		return rc;
	if (strcmp(info.name, XDP_PROGRAM_NAME) != 0)
		return -ENOENT;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++) {
		struct bpf_map_info map = {0};
		uint32_t len = sizeof(map);
		int fd = bpf_map_get_fd_by_id(maps[i]);

		if (fd < 0)
			return fd;
		rc = bpf_obj_get_info_by_fd(fd, &map, &len);
		if (rc == 0 && strcmp(map.name, XDP_LISTEN_MAP) == 0) {
			/* Found by name, so make sure of its shape. */
			if (map.key_size == sizeof(struct xdp_listen_key) &&
				map.value_size == sizeof(uint32_t))
				return fd;
			rc = -ENOENT;
		}
		close(fd);
		if (rc < 0)
			return rc;
	}
	return -ENOENT;
}

static struct xdp_listen_key listen_key(const struct mr_endpoint *local)
{
	struct xdp_listen_key key = {.port = local->port};

	memcpy(key.addr, local->addr, sizeof(key.addr));
	return key;
}

int xdp_listen_add(int map, const struct mr_endpoint *local, uint32_t flags)
{
	struct xdp_listen_key key = listen_key(local);
	int rc = bpf_map_update_elem(map, &key, &flags, BPF_NOEXIST);

	return rc == -E2BIG ? -ENOSPC : rc;
}

int xdp_listen_del(int map, const struct mr_endpoint *local)
{
	struct xdp_listen_key key = listen_key(local);

	return bpf_map_delete_elem(map, &key);
}
