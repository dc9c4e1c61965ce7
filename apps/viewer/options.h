/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line. Read once by main(), const afterwards; the strings are
 * argv's own, but for those that options_fini() frees.
 */
#ifndef APPS_VIEWER_OPTIONS_H
#define APPS_VIEWER_OPTIONS_H

#include "apps/viewer/profile.h"

#include <stdbool.h>
#include <stddef.h>

#define OPTIONS_LIST_MAX 64 /* URLs, headers, addresses: of each at most so many */
#define OPTIONS_USAGE 2     /* exit status */

struct options {
	unsigned int viewers;
	unsigned int threads;
	unsigned int seconds;         /* after the last viewer joined */
	unsigned int ramp_ms;         /* between joins */
	unsigned int connect_timeout; /* seconds, POST to DTLS Finished */
	unsigned int cameras;         /* url_pattern counts 1..cameras; 0: as many as viewers */
	unsigned int decrypt_every;   /* every so manieth viewer decrypts SRTP */
	unsigned int silent_after;    /* seconds of media; 0: never */
	unsigned int pli_ms;          /* between requests for a key frame; 0: none */
	unsigned int fir_ms;          /* ditto, by FIR */
	unsigned int janus;           /* mountpoint of Janus's streaming plugin; 0: WHEP */

	size_t url_count;
	char *urls[OPTIONS_LIST_MAX];
	char *url_pattern; /* NULL, or with one %d */
	size_t header_count;
	char *headers[OPTIONS_LIST_MAX]; /* "Name: value", owned */
	size_t address_count;
	char *addresses[OPTIONS_LIST_MAX];
	size_t profile_count;
	const struct profile *profiles[PROFILE_COUNT];

	char *dump; /* file names or NULL */
	char *plain_dump;

	bool video;
	bool audio;
	bool h264;
	bool vp8;
	bool json;
	bool report_log;
	bool bad_fingerprint;
	bool bad_stun_password;
	bool no_receiver_reports;
	bool no_delete;
	bool nack; /* ask again for what is missing */
	bool rtx;  /* offer RFC 4588 */
};

/* -1: go on; else the exit status (0 after --help, 2 for a usage error, told on stderr). */
int options_parse(struct options *options, int argc, char **argv);
void options_fini(struct options *options);

/* The WHEP address of viewer `index` (0..), g_free(). */
char *options_viewer_url(const struct options *options, unsigned int index);

/* Whether one of the addresses is this machine's loopback. */
bool options_use_loopback(const struct options *options);

#endif
