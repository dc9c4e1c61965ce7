/* SPDX-License-Identifier: BSD-3-Clause */
/* Command line, see options.h. Main thread, before anything else. */
#include "apps/viewer/options.h"
#include "apps/option_error.h"

#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GO_ON (-1)
#define VIEWERS_MAX 100000
#define SECONDS_MAX 1000000
#define KEY_FRAME_MAX 1000000 /* ms between requests */
#define RAMP_MAX 1000000000u  /* ms until the last one joins */

static const char usage[] =
	"usage: millrace-viewer --url URL [OPTION ...]\n"
	"\n"
	"Plays WHEP streams without decoding them and reports what arrived.\n"
	"\n"
	"What to play:\n"
	"  --url URL             WHEP address; repeatable, viewers take them in turn\n"
	"  --url-pattern URL     the same with one %d, replaced by 1, 2, ...\n"
	"  --cameras N           begin again at 1 after N (default: number of viewers)\n"
	"  --viewers N           how many viewers (default 1)\n"
	"  --seconds N           how long after the last one joined (default 10)\n"
	"  --ramp-ms N           milliseconds between joins (default 20)\n"
	"  --threads N           main loops to spread them over (default 1)\n"
	"  --connect-timeout N   seconds until a viewer must be connected (default 10)\n"
	"  --decrypt-every K     decrypt SRTP of every K-th viewer only (default 1)\n"
	"  --codec h264|vp8      offer no other video codec\n"
	"  --no-audio, --no-video\n"
	"  --profile NAME        SRTP profile to offer; repeatable, in this order\n"
	"  --header 'NAME: VALUE'  sent with every request; repeatable\n"
	"  --bearer TOKEN        the same as --header 'Authorization: Bearer TOKEN'\n"
	"  --nack                ask again for lost packets, as browsers do\n"
	"  --pli MS, --fir MS    ask for a key frame every MS milliseconds, by PLI or by FIR\n"
	"  --no-rtx              offer no RTX: repairs are the same packets again\n"
	"  --local-address ADDR  address of the host candidates; repeatable\n"
	"  --janus ID            the addresses are Janus's (http://HOST:8088/janus): watch\n"
	"                        mountpoint ID of its streaming plugin instead of WHEP\n"
	"\n"
	"What to print:\n"
	"  --json                one JSON object on the last line of standard output\n"
	"  --report-log          with the sender reports of each track (the last 128)\n"
	"  --dump FILE           digest of every SRTP packet as it came\n"
	"  --plain-dump FILE     digest of every decrypted payload\n"
	"\n"
	"What to do wrong:\n"
	"  --bad-fingerprint     announce another fingerprint than the certificate's\n"
	"  --bad-stun-password   check with a wrong password\n"
	"  --no-receiver-reports\n"
	"  --silent-after N      after N seconds of media send nothing at all any more\n"
	"  --no-delete           leave without DELETE\n"
	"\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 when all viewers connected and received media without an\n"
	"authentication failure, 1 when not, 2 for a usage error.\n";

enum option_id {
	OPT_URL = 256,
	OPT_URL_PATTERN,
	OPT_CAMERAS,
	OPT_VIEWERS,
	OPT_SECONDS,
	OPT_RAMP_MS,
	OPT_THREADS,
	OPT_CONNECT_TIMEOUT,
	OPT_DECRYPT_EVERY,
	OPT_CODEC,
	OPT_NO_AUDIO,
	OPT_NO_VIDEO,
	OPT_PROFILE,
	OPT_HEADER,
	OPT_BEARER,
	OPT_LOCAL_ADDRESS,
	OPT_JANUS,
	OPT_JSON,
	OPT_REPORT_LOG,
	OPT_DUMP,
	OPT_PLAIN_DUMP,
	OPT_BAD_FINGERPRINT,
	OPT_BAD_STUN_PASSWORD,
	OPT_NO_RECEIVER_REPORTS,
	OPT_SILENT_AFTER,
	OPT_NO_DELETE,
	OPT_PLI,
	OPT_FIR,
	OPT_NACK,
	OPT_NO_RTX,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{"url", required_argument, NULL, OPT_URL},
	{"url-pattern", required_argument, NULL, OPT_URL_PATTERN},
	{"cameras", required_argument, NULL, OPT_CAMERAS},
	{"viewers", required_argument, NULL, OPT_VIEWERS},
	{"seconds", required_argument, NULL, OPT_SECONDS},
	{"ramp-ms", required_argument, NULL, OPT_RAMP_MS},
	{"threads", required_argument, NULL, OPT_THREADS},
	{"connect-timeout", required_argument, NULL, OPT_CONNECT_TIMEOUT},
	{"decrypt-every", required_argument, NULL, OPT_DECRYPT_EVERY},
	{"codec", required_argument, NULL, OPT_CODEC},
	{"no-audio", no_argument, NULL, OPT_NO_AUDIO},
	{"no-video", no_argument, NULL, OPT_NO_VIDEO},
	{"profile", required_argument, NULL, OPT_PROFILE},
	{"header", required_argument, NULL, OPT_HEADER},
	{"bearer", required_argument, NULL, OPT_BEARER},
	{"local-address", required_argument, NULL, OPT_LOCAL_ADDRESS},
	{"janus", required_argument, NULL, OPT_JANUS},
	{"json", no_argument, NULL, OPT_JSON},
	{"report-log", no_argument, NULL, OPT_REPORT_LOG},
	{"dump", required_argument, NULL, OPT_DUMP},
	{"plain-dump", required_argument, NULL, OPT_PLAIN_DUMP},
	{"bad-fingerprint", no_argument, NULL, OPT_BAD_FINGERPRINT},
	{"bad-stun-password", no_argument, NULL, OPT_BAD_STUN_PASSWORD},
	{"no-receiver-reports", no_argument, NULL, OPT_NO_RECEIVER_REPORTS},
	{"silent-after", required_argument, NULL, OPT_SILENT_AFTER},
	{"no-delete", no_argument, NULL, OPT_NO_DELETE},
	{"nack", no_argument, NULL, OPT_NACK},
	{"pli", required_argument, NULL, OPT_PLI},
	{"fir", required_argument, NULL, OPT_FIR},
	{"no-rtx", no_argument, NULL, OPT_NO_RTX},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{0},
};

static int complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

static int complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("millrace-viewer: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	option_error_hint("millrace-viewer");
	return OPTIONS_USAGE;
}

static int parse_number(const char *name, const char *text, unsigned int least, unsigned int most,
	unsigned int *value)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || number < least || number > most)
		return complain("--%s: found '%s', expected a number from %u to %u", name, text,
			least, most);
	*value = (unsigned int)number;
	return GO_ON;
}

static int add_string(const char *name, char *text, char **list, size_t *count)
{
	if (*count == OPTIONS_LIST_MAX)
		return complain("--%s: at most %d times", name, OPTIONS_LIST_MAX);
	list[(*count)++] = text;
	return GO_ON;
}

static int add_header(struct options *options, char *text)
{
	const char *colon = strchr(text, ':');

	if (colon == NULL || colon == text || strpbrk(text, "\r\n")) {
		g_free(text);
		return complain("--header: expected 'Name: value'");
	}
	return add_string("header", text, options->headers, &options->header_count);
}

static int add_profile(struct options *options, const char *name)
{
	const struct profile *profile = profile_by_name(name);

	if (profile == NULL)
		return complain("--profile: found '%s', expected AEAD_AES_128_GCM, "
				"AEAD_AES_256_GCM or AES128_CM_HMAC_SHA1_80",
			name);
	for (size_t i = 0; i < options->profile_count; i++)
		if (options->profiles[i] == profile)
			return GO_ON;
	options->profiles[options->profile_count++] = profile;
	return GO_ON;
}

static int choose_codec(struct options *options, const char *name)
{
	options->h264 = strcmp(name, "h264") == 0;
	options->vp8 = strcmp(name, "vp8") == 0;
	if (!options->h264 && !options->vp8)
		return complain("--codec: found '%s', expected h264 or vp8", name);
	return GO_ON;
}

static int set_pattern(struct options *options, char *text)
{
	const char *first = strstr(text, "%d");

	if (first == NULL || strstr(first + 2, "%d"))
		return complain("--url-pattern: found '%s', expected one %%d in it", text);
	options->url_pattern = text;
	return GO_ON;
}

static int set_text(struct options *options, int id, char *text)
{
	switch (id) {
	case OPT_URL:
		return add_string("url", text, options->urls, &options->url_count);
	case OPT_URL_PATTERN:
		return set_pattern(options, text);
	case OPT_CODEC:
		return choose_codec(options, text);
	case OPT_PROFILE:
		return add_profile(options, text);
	case OPT_HEADER:
		return add_header(options, g_strdup(text));
	case OPT_BEARER:
		return add_header(options, g_strdup_printf("Authorization: Bearer %s", text));
	case OPT_LOCAL_ADDRESS:
		return add_string(
			"local-address", text, options->addresses, &options->address_count);
	case OPT_DUMP:
		options->dump = text;
		return GO_ON;
	case OPT_PLAIN_DUMP:
		options->plain_dump = text;
		return GO_ON;
	default:
		return OPTIONS_USAGE;
	}
}

static int set_number(struct options *o, int id, const char *text)
{
	switch (id) {
	case OPT_CAMERAS:
		return parse_number("cameras", text, 1, VIEWERS_MAX, &o->cameras);
	case OPT_VIEWERS:
		return parse_number("viewers", text, 1, VIEWERS_MAX, &o->viewers);
	case OPT_SECONDS:
		return parse_number("seconds", text, 1, SECONDS_MAX, &o->seconds);
	case OPT_RAMP_MS:
		return parse_number("ramp-ms", text, 0, 60000, &o->ramp_ms);
	case OPT_THREADS:
		return parse_number("threads", text, 1, 64, &o->threads);
	case OPT_CONNECT_TIMEOUT:
		return parse_number("connect-timeout", text, 1, 3600, &o->connect_timeout);
	case OPT_DECRYPT_EVERY:
		return parse_number("decrypt-every", text, 1, VIEWERS_MAX, &o->decrypt_every);
	case OPT_SILENT_AFTER:
		return parse_number("silent-after", text, 1, SECONDS_MAX, &o->silent_after);
	case OPT_PLI:
		return parse_number("pli", text, 1, KEY_FRAME_MAX, &o->pli_ms);
	case OPT_FIR:
		return parse_number("fir", text, 1, KEY_FRAME_MAX, &o->fir_ms);
	case OPT_JANUS:
		return parse_number("janus", text, 1, INT32_MAX, &o->janus);
	default:
		return set_text(o, id, (char *)text);
	}
}

static int set_option(struct options *options, int id)
{
	switch (id) {
	case OPT_NO_AUDIO:
		options->audio = false;
		return GO_ON;
	case OPT_NO_VIDEO:
		options->video = false;
		return GO_ON;
	case OPT_JSON:
		options->json = true;
		return GO_ON;
	case OPT_REPORT_LOG:
		options->report_log = true;
		return GO_ON;
	case OPT_BAD_FINGERPRINT:
		options->bad_fingerprint = true;
		return GO_ON;
	case OPT_BAD_STUN_PASSWORD:
		options->bad_stun_password = true;
		return GO_ON;
	case OPT_NO_RECEIVER_REPORTS:
		options->no_receiver_reports = true;
		return GO_ON;
	case OPT_NO_DELETE:
		options->no_delete = true;
		return GO_ON;
	case OPT_NACK:
		options->nack = true;
		return GO_ON;
	case OPT_NO_RTX:
		options->rtx = false;
		return GO_ON;
	case OPT_HELP:
		fputs(usage, stdout);
		return 0;
	case OPT_VERSION:
		puts("millrace-viewer " MILLRACE_VERSION);
		return 0;
	default:
		return set_number(options, id, optarg);
	}
}

static int check_options(struct options *options)
{
	if (options->url_count == 0 && options->url_pattern == NULL)
		return complain("--url or --url-pattern is missing");
	if (options->url_count > 0 && options->url_pattern)
		return complain("--url and --url-pattern exclude each other");
	if (!options->video && !options->audio)
		return complain("--no-video and --no-audio leave nothing to play");
	for (unsigned int i = 0; i < options->viewers; i++) {
		char *url = options_viewer_url(options, i);
		bool valid = g_uri_is_valid(url, G_URI_FLAGS_NONE, NULL) &&
			     g_ascii_strncasecmp(url, "http", 4) == 0;

		if (!valid)
			complain("'%s' is no http address", url);
		g_free(url);
		if (!valid)
			return OPTIONS_USAGE;
		if (!options->url_pattern && i + 1 == options->url_count)
			break;
	}
	if ((uint64_t)options->viewers * options->ramp_ms > RAMP_MAX)
		return complain("--ramp-ms: so many viewers would take too long to join");
	if (options->threads > options->viewers)
		options->threads = options->viewers;
	if (options->profile_count == 0)
		for (size_t i = 0; i < PROFILE_COUNT; i++)
			options->profiles[options->profile_count++] = profile_at(i);
	return GO_ON;
}

int options_parse(struct options *options, int argc, char **argv)
{
	int id, rc = GO_ON;

	*options = (struct options){
		.viewers = 1,
		.threads = 1,
		.seconds = 10,
		.ramp_ms = 20,
		.connect_timeout = 10,
		.decrypt_every = 1,
		.video = true,
		.audio = true,
		.h264 = true,
		.vp8 = true,
		.rtx = true,
	};
	while (rc == GO_ON && (id = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		if (id == '?' || id == ':') {
			option_error("millrace-viewer", id, argv);
			rc = OPTIONS_USAGE;
		} else {
			rc = set_option(options, id);
		}
	}
	if (rc == GO_ON && optind < argc)
		rc = complain("unexpected argument %s", argv[optind]);
	if (rc == GO_ON)
		rc = check_options(options);
	if (rc != GO_ON)
		options_fini(options);
	return rc;
}

void options_fini(struct options *options)
{
	for (size_t i = 0; i < options->header_count; i++)
		g_free(options->headers[i]);
	options->header_count = 0;
}

char *options_viewer_url(const struct options *options, unsigned int index)
{
	const char *mark;
	unsigned int cameras = options->cameras ? options->cameras : options->viewers;

	if (options->url_pattern == NULL)
		return g_strdup(options->urls[index % options->url_count]);
	mark = strstr(options->url_pattern, "%d");
	return g_strdup_printf("%.*s%u%s", (int)(mark - options->url_pattern), options->url_pattern,
		index % cameras + 1, mark + 2);
}

bool options_use_loopback(const struct options *options)
{
	size_t count = options->url_pattern ? 1 : options->url_count;
	bool loopback = false;

	for (unsigned int i = 0; i < count && !loopback; i++) {
		char *url = options_viewer_url(options, i);
		GUri *uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
		const char *host = uri ? g_uri_get_host(uri) : NULL;

		loopback = host && (strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
					   g_str_has_prefix(host, "127."));
		g_free(url);
		if (uri)
			g_uri_unref(uri);
	}
	return loopback;
}
