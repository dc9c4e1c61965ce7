/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receives SRTP and SRTCP on a UDP port, authenticates and decrypts them with
 * libsrtp2, and prints what was inside, for a script to compare with what was
 * sent. Ends on SIGTERM. Main thread only.
 *
 *	srtp_check ADDRESS PORT PROFILE KEY	(KEY: key and salt in hexadecimal)
 *
 *	rtp SSRC SEQUENCE TIMESTAMP MARKER PAYLOAD-TYPE PAYLOAD
 *	rtcp SSRC TYPE
 *	refused rtp|rtcp STATUS			libsrtp2's status
 */
#include <arpa/inet.h>
#include <signal.h>
#include <srtp2/srtp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PACKET_MAX 2048
#define KEY_MAX 64
#define RTP_HEADER 12
#define RECEIVE_BUFFER (16 << 20)

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
	ending = 1;
}

static bool profile_set(srtp_policy_t *policy, const char *name)
{
	static const struct {
		const char *name;
		srtp_profile_t profile;
	} profiles[] = {
		{"AEAD_AES_128_GCM", srtp_profile_aead_aes_128_gcm},
		{"AEAD_AES_256_GCM", srtp_profile_aead_aes_256_gcm},
		{"AES128_CM_HMAC_SHA1_80", srtp_profile_aes128_cm_sha1_80},
	};

	for (unsigned int i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		if (strcmp(name, profiles[i].name) != 0)
			continue;
		return srtp_crypto_policy_set_from_profile_for_rtp(
			       &policy->rtp, profiles[i].profile) == srtp_err_status_ok &&
		       srtp_crypto_policy_set_from_profile_for_rtcp(
			       &policy->rtcp, profiles[i].profile) == srtp_err_status_ok;
	}
	return false;
}

/* The number of bytes; -1: not hexadecimal, or too many. */
static int key_parse(const char *text, uint8_t *key)
{
	int n = 0;
	unsigned int byte;

	for (; text[0] != 0 && text[1] != 0 && n < KEY_MAX; text += 2, n++) {
		if (sscanf(text, "%2x", &byte) != 1)
			return -1;
		key[n] = (uint8_t)byte;
	}
	return text[0] == 0 ? n : -1;
}

static int socket_open(const char *address, const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	struct timeval patience = {.tv_usec = 100000};
	int size = RECEIVE_BUFFER;
	int fd;

	if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
		return -1;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static uint32_t read_32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void take_rtp(srtp_t srtp, uint8_t *packet, int len)
{
	srtp_err_status_t status = srtp_unprotect(srtp, packet, &len);

	if (status != srtp_err_status_ok) {
		printf("refused rtp %d\n", status);
		return;
	}
	printf("rtp %u %u %u %d %d ", read_32(packet + 8), (unsigned int)packet[2] << 8 | packet[3],
		read_32(packet + 4), packet[1] >> 7, packet[1] & 127);
	for (int i = RTP_HEADER; i < len; i++)
		printf("%02x", packet[i]);
	putchar('\n');
}

static void take_rtcp(srtp_t srtp, uint8_t *packet, int len)
{
	srtp_err_status_t status = srtp_unprotect_rtcp(srtp, packet, &len);

	if (status != srtp_err_status_ok)
		printf("refused rtcp %d\n", status);
	else
		printf("rtcp %u %d\n", read_32(packet + 4), packet[1]);
}

static void receive(int fd, srtp_t srtp)
{
	_Alignas(4) uint8_t packet[PACKET_MAX];

	while (!ending) {
		int len = (int)recv(fd, packet, sizeof(packet), 0);

		if (len < RTP_HEADER)
			continue;
		if (packet[1] >= 192 && packet[1] <= 223)
			take_rtcp(srtp, packet, len);
		else
			take_rtp(srtp, packet, len);
	}
}

int main(int argc, char **argv)
{
	srtp_policy_t policy = {.ssrc = {.type = ssrc_any_inbound}, .window_size = 1024};
	uint8_t key[KEY_MAX];
	srtp_t srtp;
	int fd;

	if (argc != 5 || key_parse(argv[4], key) < 0) {
		fprintf(stderr, "usage: srtp_check ADDRESS PORT PROFILE KEY\n");
		return 2;
	}
	signal(SIGTERM, on_signal);
	policy.key = key;
	fd = socket_open(argv[1], argv[2]);
	if (fd < 0 || srtp_init() != srtp_err_status_ok || !profile_set(&policy, argv[3]) ||
		srtp_create(&srtp, &policy) != srtp_err_status_ok) {
		fprintf(stderr, "srtp_check: cannot start\n");
		return 1;
	}
	printf("ready\n");
	fflush(stdout);
	receive(fd, srtp);
	srtp_dealloc(srtp);
	srtp_shutdown();
	close(fd);
	return 0;
}
