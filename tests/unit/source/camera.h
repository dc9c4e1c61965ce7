/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A real RTSP server (gst-rtsp-server) on 127.0.0.1 with a main loop and a
 * thread of its own: /cam with H.264 and PCMU.
 */
#ifndef TESTS_UNIT_SOURCE_CAMERA_H
#define TESTS_UNIT_SOURCE_CAMERA_H

#include <stdbool.h>
#include <stdint.h>

struct camera;

struct camera_options {
	uint16_t port;     /* 0: any */
	bool tcp_only;     /* UDP is refused with 461 */
	const char *basic; /* "user:password"; NULL: open */
	const char *tls;   /* PEM file of certificate and key, with `basic`; NULL: no TLS */
	const char *digest_user;
	const char *digest_password;
	const char *launch; /* NULL: H.264 and PCMU */
};

struct camera *camera_start(const struct camera_options *options);
uint16_t camera_port(const struct camera *c);
/* Closes every connection at once, and the listener. */
void camera_stop(struct camera *c);
/*
 * The last thing a group of tests does (cmocka's group teardown): waits for GStreamer's
 * and GLib's threads, so that none of them ends while the process does and the leak
 * checker looks at its stack.
 */
int cameras_end(void **state);

#endif
