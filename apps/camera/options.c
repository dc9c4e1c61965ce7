/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of millrace-camera. Main thread, before anything runs. */
#include "apps/camera/options.h"
#include "apps/option_error.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

/* What GOption fills in before it is checked. */
struct raw_options {
	char *listen, *video, *audio, *size, *bitrate, *profile, *auth, *transport, *clock;
	char *no_reports_on;
	int mounts, fps, gop, bframes, packetization_mode, mtu, stop_after, ready_fd;
	double report_interval;
	gboolean help, no_reports, no_parameter_sets, obey, json, version;
};

__attribute__((format(printf, 2, 3))) static int refuse(const char *name, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "millrace-camera: --%s: ", name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return -EINVAL;
}

static void raw_options_fini(struct raw_options *raw)
{
	g_free(raw->listen);
	g_free(raw->video);
	g_free(raw->audio);
	g_free(raw->size);
	g_free(raw->bitrate);
	g_free(raw->profile);
	g_free(raw->auth);
	g_free(raw->transport);
	g_free(raw->clock);
	g_free(raw->no_reports_on);
}

/* The place of text in the NULL-terminated words, or -EINVAL. */
static int choose(const char *name, const char *text, const char *const *words)
{
	g_autofree char *all = NULL;

	for (int i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], text) == 0)
			return i;
	all = g_strjoinv("|", (char **)words);
	return refuse(name, "expected %s, got '%s'", all, text);
}

static int check_range(const char *name, int value, int low, int high)
{
	if (value < low || value > high)
		return refuse(name, "expected %d to %d, got %d", low, high, value);
	return 0;
}

/* ADDR:PORT, [ADDR6]:PORT, :PORT */
static int parse_listen(struct camera_options *o, const char *text)
{
	const char *colon = strrchr(text, ':');
	guint64 port;

	if (colon == NULL || !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL))
		return refuse("listen", "expected ADDRESS:PORT, got '%s'", text);
	if (text[0] == '[' && colon > text && colon[-1] == ']')
		o->address = g_strndup(text + 1, colon - text - 2);
	else if (memchr(text, ':', colon - text) == NULL)
		o->address = g_strndup(text, colon - text);
	else
		return refuse("listen", "an IPv6 address goes in brackets, got '%s'", text);
	if (o->address[0] == '\0') {
		g_free(o->address);
		o->address = g_strdup("0.0.0.0");
	}
	o->service = g_strdup_printf("%u", (unsigned)port);
	return 0;
}

static int parse_size(struct camera_options *o, const char *text)
{
	char end;

	if (sscanf(text, "%4ux%4u%c", &o->width, &o->height, &end) != 2 || o->width < 64 ||
		o->height < 64 || o->width > 4096 || o->height > 4096 || o->width % 2 != 0 ||
		o->height % 2 != 0)
		return refuse("size", "expected WIDTHxHEIGHT, even, 64 to 4096, got '%s'", text);
	return 0;
}

/* 2M, 800k, 2.5M or bits per second */
static int parse_bitrate(struct camera_options *o, const char *text)
{
	char *end = NULL;
	double value = g_ascii_strtod(text, &end);

	if (end != text && (*end == 'k' || *end == 'K'))
		value *= 1e3, end++;
	else if (end != text && *end == 'M')
		value *= 1e6, end++;
	if (end == text || *end != '\0' || !(value >= 50e3 && value <= 100e6))
		return refuse("bitrate", "expected 50k to 100M bit/s, got '%s'", text);
	o->bitrate = (unsigned)value;
	return 0;
}

static int parse_codecs(struct camera_options *o, const struct raw_options *raw)
{
	static const char *const videos[] = {"none", "h264", "vp8", NULL};
	static const char *const audios[] = {"none", "opus", "pcmu", "pcma", NULL};
	static const char *const profiles[] = {"baseline", "main", "high", NULL};
	int video = choose("video", raw->video, videos);
	int audio = choose("audio", raw->audio, audios);
	int profile = choose("profile", raw->profile, profiles);

	if (video < 0 || audio < 0 || profile < 0)
		return -EINVAL;
	o->video = video;
	o->audio = audio;
	o->profile = profile;
	if (o->video == VIDEO_NONE && o->audio == AUDIO_NONE)
		return refuse("video", "neither video nor audio is left");
	if (o->bframes > 0 && o->video != VIDEO_H264)
		return refuse("bframes", "only H.264 has B-frames");
	if (o->bframes > 0 && o->profile == PROFILE_BASELINE)
		return refuse(
			"bframes", "the baseline profile has none, take --profile main or high");
	/* frames from before a jump would be shown after it */
	if (o->bframes > 0 && o->obey)
		return refuse("obey", "a clip with B-frames cannot jump");
	if (o->obey && o->video == VIDEO_NONE)
		return refuse("obey", "only video has key frames");
	if (o->no_parameter_sets && o->video != VIDEO_H264)
		return refuse("no-parameter-sets", "only H.264 has them");
	return 0;
}

static int parse_access(struct camera_options *o, const struct raw_options *raw)
{
	static const char *const methods[] = {"basic", "digest", NULL};
	static const char *const transports[] = {"any", "udp", "tcp", NULL};
	static const char *const clocks[] = {"now", "1970", NULL};
	static const char *const tracks[] = {"video", "audio", NULL};
	int auth = choose("auth", raw->auth, methods);
	int transport = choose("transport", raw->transport, transports);
	int clock = choose("clock", raw->clock, clocks);

	if (auth < 0 || transport < 0 || clock < 0)
		return -EINVAL;
	o->auth = auth;
	o->transport = transport;
	o->clock = clock;
	if ((o->user == NULL) != (o->password == NULL))
		return refuse("user", "--user and --password go together");
	if (o->tls != NULL && o->user == NULL)
		return refuse("tls", "--tls goes with --user");
	if (o->user != NULL && strchr(o->user, ':') != NULL)
		return refuse("user", "a user name has no colon");
	o->no_reports[TRACK_VIDEO] = o->no_reports[TRACK_AUDIO] = raw->no_reports;
	if (raw->no_reports_on != NULL) {
		int track = choose("no-reports-on", raw->no_reports_on, tracks);

		if (track < 0)
			return -EINVAL;
		o->no_reports[track] = true;
	}
	if (!(raw->report_interval >= 0 && raw->report_interval <= 60))
		return refuse("report-interval", "expected 0 to 60 seconds");
	o->report_interval = (unsigned)(raw->report_interval * 1000);
	return 0;
}

static int check(struct camera_options *o, const struct raw_options *raw)
{
	const struct {
		const char *name;
		int value, low, high;
		unsigned *to;
	} numbers[] = {
		{"mounts", raw->mounts, 1, 10000, &o->mounts},
		{"fps", raw->fps, 1, 120, &o->fps},
		{"gop", raw->gop, 1, 1200, &o->gop},
		{"bframes", raw->bframes, 0, 8, &o->bframes},
		{"packetization-mode", raw->packetization_mode, 0, 1, &o->packetization_mode},
		{"mtu", raw->mtu, 200, 65000, &o->mtu},
		{"stop-after", raw->stop_after, 0, 86400 * 365, &o->stop_after},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		if (check_range(
			    numbers[i].name, numbers[i].value, numbers[i].low, numbers[i].high) < 0)
			return -EINVAL;
		*numbers[i].to = (unsigned)numbers[i].value;
	}
	o->ready_fd = raw->ready_fd;
	o->no_parameter_sets = raw->no_parameter_sets;
	o->obey = raw->obey;
	o->json = raw->json;
	if (o->mount_prefix[0] == '\0' ||
		strspn(o->mount_prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					"0123456789_-./") != strlen(o->mount_prefix) ||
		o->mount_prefix[0] == '/')
		return refuse("mount-prefix", "letters, digits and '_-./' only, got '%s'",
			o->mount_prefix);
	if (parse_listen(o, raw->listen) < 0 || parse_size(o, raw->size) < 0 ||
		parse_bitrate(o, raw->bitrate) < 0 || parse_codecs(o, raw) < 0 ||
		parse_access(o, raw) < 0)
		return -EINVAL;
	return 0;
}

static GOptionContext *describe(struct camera_options *o, struct raw_options *raw)
{
	const GOptionEntry entries[] = {
		{"listen", 0, 0, G_OPTION_ARG_STRING, &raw->listen,
			"Where to listen, an IPv6 address in brackets; port 0 takes a free one "
			"(127.0.0.1:8554)",
			"ADDRESS:PORT"},
		{"mounts", 0, 0, G_OPTION_ARG_INT, &raw->mounts, "How many cameras (1)", "N"},
		{"mount-prefix", 0, 0, G_OPTION_ARG_STRING, &o->mount_prefix,
			"Mounts are /PREFIX1 to /PREFIXn (cam)", "PREFIX"},
		{"video", 0, 0, G_OPTION_ARG_STRING, &raw->video, "h264, vp8 or none (h264)",
			"CODEC"},
		{"audio", 0, 0, G_OPTION_ARG_STRING, &raw->audio, "opus, pcmu, pcma or none (opus)",
			"CODEC"},
		{"size", 0, 0, G_OPTION_ARG_STRING, &raw->size, "Picture (1280x720)",
			"WIDTHxHEIGHT"},
		{"fps", 0, 0, G_OPTION_ARG_INT, &raw->fps, "Frames per second (30)", "N"},
		{"bitrate", 0, 0, G_OPTION_ARG_STRING, &raw->bitrate,
			"Of the video, bit/s with k or M (2M)", "BITRATE"},
		{"gop", 0, 0, G_OPTION_ARG_INT, &raw->gop,
			"Frames from key frame to key frame (60)", "N"},
		{"obey", 0, 0, G_OPTION_ARG_NONE, &raw->obey,
			"Answer PLI and FIR: the picture jumps to the clip's next key frame", NULL},
		{"profile", 0, 0, G_OPTION_ARG_STRING, &raw->profile,
			"H.264 profile: baseline, main or high (baseline)", "PROFILE"},
		{"bframes", 0, 0, G_OPTION_ARG_INT, &raw->bframes,
			"B-frames between two other frames (0)", "N"},
		{"packetization-mode", 0, 0, G_OPTION_ARG_INT, &raw->packetization_mode,
			"H.264: 1, or 0 for single NAL units that each fit the MTU (1)", "MODE"},
		{"no-parameter-sets", 0, 0, G_OPTION_ARG_NONE, &raw->no_parameter_sets,
			"SPS and PPS in the SDP only, never in the stream", NULL},
		{"mtu", 0, 0, G_OPTION_ARG_INT, &raw->mtu,
			"Largest RTP packet, its header included (1400)", "BYTES"},
		{"tls", 0, 0, G_OPTION_ARG_FILENAME, &o->tls,
			"rtsps://, with the certificate and key of this PEM file; with --user",
			"FILE"},
		{"user", 0, 0, G_OPTION_ARG_STRING, &o->user, "Ask for this user", "NAME"},
		{"password", 0, 0, G_OPTION_ARG_STRING, &o->password, "and this password",
			"PASSWORD"},
		{"auth", 0, 0, G_OPTION_ARG_STRING, &raw->auth, "basic or digest (digest)",
			"METHOD"},
		{"transport", 0, 0, G_OPTION_ARG_STRING, &raw->transport,
			"What clients may set up: udp, tcp or any (any)", "TRANSPORT"},
		{"clock", 0, 0, G_OPTION_ARG_STRING, &raw->clock,
			"What sender reports take for the time: now or 1970 (now)", "CLOCK"},
		{"no-reports", 0, 0, G_OPTION_ARG_NONE, &raw->no_reports, "No sender reports",
			NULL},
		{"no-reports-on", 0, 0, G_OPTION_ARG_STRING, &raw->no_reports_on,
			"None on one track: video or audio", "TRACK"},
		{"report-interval", 0, 0, G_OPTION_ARG_DOUBLE, &raw->report_interval,
			"Least time between reports (about 5)", "SECONDS"},
		{"clip", 0, 0, G_OPTION_ARG_FILENAME, &o->clip,
			"Keep the encoded clip in FILE, not in the user's cache", "FILE"},
		{"stop-after", 0, 0, G_OPTION_ARG_INT, &raw->stop_after, "End after this time",
			"SECONDS"},
		{"ready-fd", 0, 0, G_OPTION_ARG_INT, &raw->ready_fd,
			"Write the ready line to this descriptor too, and close it", "FD"},
		{"json", 0, 0, G_OPTION_ARG_NONE, &raw->json,
			"Ready line and closing counters as JSON objects", NULL},
		{"version", 0, 0, G_OPTION_ARG_NONE, &raw->version, "Print the version", NULL},
		{"help", 'h', 0, G_OPTION_ARG_NONE, &raw->help, "Print this text", NULL},
		{NULL},
	};
	GOptionContext *context = g_option_context_new("- an RTSP camera for tests and load");

	g_option_context_set_summary(context,
		"Loops a small clip, encoded once, from any number of RTSP mounts:\n"
		"rtsp://ADDRESS:PORT/cam1, /cam2, ...");
	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_add_main_entries(context, entries, NULL);
	return context;
}

/* GLib's own has an ellipsis, which becomes a question mark where the locale is C. */
static void print_help(GOptionContext *context)
{
	g_autofree char *text = g_option_context_get_help(context, TRUE, NULL);
	GString *plain = g_string_new(text);

	g_string_replace(plain, "\xe2\x80\xa6", " ...", 0);
	fputs(plain->str, stdout);
	g_string_free(plain, TRUE);
}

int camera_options_parse(struct camera_options *o, int argc, char **argv)
{
	struct raw_options raw = {
		.mounts = 1,
		.fps = 30,
		.gop = 60,
		.packetization_mode = 1,
		.mtu = 1400,
		.ready_fd = -1,
	};
	const struct {
		char **to;
		const char *value;
	} defaults[] = {
		{&raw.listen, "127.0.0.1:8554"},
		{&raw.video, "h264"},
		{&raw.audio, "opus"},
		{&raw.size, "1280x720"},
		{&raw.bitrate, "2M"},
		{&raw.profile, "baseline"},
		{&raw.auth, "digest"},
		{&raw.transport, "any"},
		{&raw.clock, "now"},
		{&o->mount_prefix, "cam"},
	};
	GOptionContext *context;
	GError *error = NULL;
	int rc;

	*o = (struct camera_options){0};
	context = describe(o, &raw);
	if (!g_option_context_parse(context, &argc, &argv, &error)) {
		/* GLib begins with a capital */
		fprintf(stderr, "millrace-camera: %c%s\n", g_ascii_tolower(error->message[0]),
			error->message[0] ? error->message + 1 : "");
		option_error_hint("millrace-camera");
		g_clear_error(&error);
		rc = -EINVAL;
	} else if (raw.help) {
		print_help(context);
		rc = 1;
	} else if (raw.version) {
		puts("millrace-camera " MILLRACE_VERSION);
		rc = 1;
	} else if (argc > 1) {
		fprintf(stderr, "millrace-camera: unexpected argument %s\n", argv[1]);
		option_error_hint("millrace-camera");
		rc = -EINVAL;
	} else {
		/* only now: GOption does not free what it writes over */
		for (size_t i = 0; i < G_N_ELEMENTS(defaults); i++)
			if (*defaults[i].to == NULL)
				*defaults[i].to = g_strdup(defaults[i].value);
		rc = check(o, &raw);
	}
	g_option_context_free(context);
	raw_options_fini(&raw);
	if (rc != 0)
		camera_options_fini(o);
	return rc;
}

void camera_options_fini(struct camera_options *o)
{
	g_free(o->address);
	g_free(o->service);
	g_free(o->mount_prefix);
	g_free(o->user);
	g_free(o->password);
	g_free(o->clip);
	g_free(o->tls);
	*o = (struct camera_options){0};
}
