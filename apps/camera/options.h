/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line of millrace-camera. Read once by main(), passed as const
 * afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum video_codec { VIDEO_NONE, VIDEO_H264, VIDEO_VP8 };
enum audio_codec { AUDIO_NONE, AUDIO_OPUS, AUDIO_PCMU, AUDIO_PCMA };
enum h264_profile { PROFILE_BASELINE, PROFILE_MAIN, PROFILE_HIGH };
enum auth_method { AUTH_BASIC, AUTH_DIGEST };
enum lower_transport { TRANSPORT_ANY, TRANSPORT_UDP, TRANSPORT_TCP };
enum camera_clock { CLOCK_NOW, CLOCK_1970 };

/* Index of a track wherever both have a slot. */
enum { TRACK_VIDEO, TRACK_AUDIO, TRACKS };

struct camera_options {
	char *address; /* without brackets */
	char *service; /* port number as text, "0" lets the kernel choose */
	unsigned mounts;
	char *mount_prefix;

	enum video_codec video;
	enum audio_codec audio;
	unsigned width;   /* [pixels], even */
	unsigned height;  /* [pixels], even */
	unsigned fps;     /* [frames/s] */
	unsigned bitrate; /* of the video [bit/s] */
	unsigned gop;     /* from key frame to key frame [frames] */
	enum h264_profile profile;
	unsigned bframes;            /* between two reference frames */
	unsigned packetization_mode; /* RFC 6184 6.2, 6.3: 0 or 1 */
	bool obey;                   /* requests for key frames */
	bool no_parameter_sets;      /* SPS and PPS in the SDP alone */
	unsigned mtu;                /* RTP header and payload [bytes] */

	char *user; /* NULL: open to everyone */
	char *password;
	enum auth_method auth;
	enum lower_transport transport;

	enum camera_clock clock;
	bool no_reports[TRACKS];  /* sender reports left out */
	unsigned report_interval; /* least time between RTCP packets [ms], 0: the library's */

	char *clip;          /* the clip's file, NULL: in the user's cache */
	char *tls;           /* PEM of certificate and key; NULL: no TLS */
	unsigned stop_after; /* [s], 0: never */
	int ready_fd;        /* -1: none */
	bool json;
};

/*
 * Parses argv. 0: *options is valid, to be given to camera_options_fini().
 * 1: --help or --version was answered. -EINVAL: a message has been written to
 * standard error.
 */
int camera_options_parse(struct camera_options *options, int argc, char **argv);
void camera_options_fini(struct camera_options *options);
