/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of millrace. Main thread. */
#include "apps/millrace/options.h"
#include "apps/millrace/commands.h"
#include "apps/option_error.h"

#include "dataplane/api/client.h"

#include <getopt.h>
#include <unistd.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API_ADDRESS "127.0.0.1:9997" /* as config.c has it */

static const char usage[] = "usage: millrace [OPTIONS] status | ports | streams | viewers | drops\n"
			    "       millrace [OPTIONS] kick VIEWER\n"
			    "       millrace [OPTIONS] check FILE\n";

static const char help[] =
	"\n"
	"Looks at a running millrace-dataplane, ends a viewer, or checks a session file.\n"
	"\n"
	"  status    the data plane, its workers and paths at a glance\n"
	"  ports     what each port received and sent\n"
	"  streams   what each source sends: bitrate, loss, jitter, findings\n"
	"  viewers   what each viewer gets and reports: loss, jitter, round trip\n"
	"  drops     packets dropped, by reason\n"
	"  kick      ends a viewer, by its number; the session file needs \"api\": true\n"
	"  check     finds what is wrong with a session file\n"
	"\n"
	"  -j, --json              one JSON object instead of a table\n"
	"  -w, --watch[=SECONDS]   again and again, every second or as said; ends with Ctrl-C\n"
	"  -i, --interval=SECONDS  between the two samples that rates are made of (default 1;\n"
	"                          0: no rates, no waiting)\n"
	"  -s, --socket=PATH       statistics socket (default " MR_STATS_SOCKET ")\n"
	"      --api=ADDRESS       kick: the session file's apiAddress (default " API_ADDRESS ")\n"
	"      --all               drops: also the reasons that never happened\n"
	"      --workers           drops: for each worker\n"
	"      --strict            check: a warning refuses the file, too\n"
	"  -h, --help\n"
	"  -V, --version\n"
	"\n"
	"Exit status: 0, or 1 when there is no data plane or viewer or the file is refused, or\n"
	"2 when the command line is wrong. Colours only on a terminal and without NO_COLOR.\n";

enum { OPTION_ALL = 256, OPTION_API, OPTION_WORKERS, OPTION_STRICT };

static const struct option long_options[] = {
	{"json", no_argument, NULL, 'j'},
	{"watch", optional_argument, NULL, 'w'},
	{"interval", required_argument, NULL, 'i'},
	{"socket", required_argument, NULL, 's'},
	{"api", required_argument, NULL, OPTION_API},
	{"all", no_argument, NULL, OPTION_ALL},
	{"workers", no_argument, NULL, OPTION_WORKERS},
	{"strict", no_argument, NULL, OPTION_STRICT},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static bool parse_seconds(const char *text, double min, double *seconds)
{
	char *end;
	double value;

	if (text == NULL)
		return false;
	value = strtod(text, &end);
	if (end == text || *end != 0 || !(value >= min && value <= 3600))
		return false;
	*seconds = value;
	return true;
}

static bool parse_viewer(const char *text, uint32_t *id)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != 0 || value == 0 || value > UINT32_MAX)
		return false;
	*id = (uint32_t)value;
	return true;
}

static enum options_result wrong(const char *what, const char *which)
{
	fprintf(stderr, "millrace: %s%s%s\n", what, which != NULL ? ": " : "",
		which != NULL ? which : "");
	option_error_hint("millrace");
	return OPTIONS_WRONG;
}

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != 0;
}

/* CLICOLOR_FORCE: of a program that shows on a terminal what we write to it. */
static bool wants_colour(void)
{
	const char *term = getenv("TERM");

	return (isatty(STDOUT_FILENO) || is_set("CLICOLOR_FORCE")) && !is_set("NO_COLOR") &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

/* Options that only one command knows. */
static const char *misplaced(const struct options *o)
{
	bool check = strcmp(o->command, "check") == 0;
	bool drops = strcmp(o->command, "drops") == 0;
	bool kick = strcmp(o->command, "kick") == 0;

	if ((o->all || o->workers) && !drops)
		return o->all ? "--all belongs to drops" : "--workers belongs to drops";
	if (o->strict && !check)
		return "--strict belongs to check";
	if (o->api != NULL && !kick)
		return "--api belongs to kick";
	if (o->watch && (check || kick))
		return check ? "check does not --watch" : "kick does not --watch";
	return NULL;
}

static enum options_result parse_operands(struct options *o, int argc, char **argv)
{
	int rest = argc - optind;

	if (rest == 0)
		return wrong("which command?", NULL);
	o->command = argv[optind];
	if (strcmp(o->command, "check") == 0) {
		if (rest != 2)
			return wrong(rest < 2 ? "check which file?" : "check takes one file", NULL);
		o->file = argv[optind + 1];
	} else if (strcmp(o->command, "kick") == 0) {
		if (rest != 2)
			return wrong(
				rest < 2 ? "kick which viewer?" : "kick takes one viewer", NULL);
		if (!parse_viewer(argv[optind + 1], &o->viewer))
			return wrong("kick takes the number that 'millrace viewers' shows",
				argv[optind + 1]);
	} else if (command_find(o->command) == NULL) {
		return wrong("no such command", o->command);
	} else if (rest > 1) {
		return wrong("too much", argv[optind + 1]);
	}
	if (misplaced(o) != NULL)
		return wrong(misplaced(o), NULL);
	if (o->api == NULL)
		o->api = API_ADDRESS;
	return OPTIONS_RUN;
}

enum options_result options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){.socket = MR_STATS_SOCKET, .seconds = 1};
	o->colour = wants_colour();
	while ((c = getopt_long(argc, argv, ":jw::i:s:hV", long_options, NULL)) != -1) {
		switch (c) {
		case 'j':
			o->json = true;
			break;
		case 'w':
			o->watch = true;
			/* "--watch 2" as well as "--watch=2": a number is no command. */
			if (optarg == NULL && optind < argc &&
				strspn(argv[optind], "0123456789.") == strlen(argv[optind]))
				optarg = argv[optind++];
			if (optarg != NULL && !parse_seconds(optarg, 0.1, &o->seconds))
				return wrong("--watch takes seconds from 0.1 to 3600", optarg);
			break;
		case 'i':
			if (!parse_seconds(optarg, 0, &o->seconds))
				return wrong("--interval takes seconds from 0 to 3600", optarg);
			break;
		case 's':
			o->socket = optarg;
			break;
		case OPTION_API:
			o->api = optarg;
			break;
		case OPTION_ALL:
			o->all = true;
			break;
		case OPTION_WORKERS:
			o->workers = true;
			break;
		case OPTION_STRICT:
			o->strict = true;
			break;
		case 'h':
			printf("%s%s", usage, help);
			return OPTIONS_DONE;
		case 'V':
			printf("millrace %s\n", MILLRACE_VERSION);
			return OPTIONS_DONE;
		default:
			option_error("millrace", c, argv);
			return OPTIONS_WRONG;
		}
	}
	if (o->watch && o->seconds < 0.1)
		return wrong("--watch needs an interval of at least 0.1 seconds", NULL);
	return parse_operands(o, argc, argv);
}
