#include "ctl/doctor.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/link.h"
#include "ctl/print.h"
#include "ctl/run.h"
#include "ctl/table.h"
#include "ctl/text.h"

#define SYSTEMD	     "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"

static const char *finding_name(enum finding finding)
{
	switch (finding) {
	case FINDING_GOOD:
		return "good";
	case FINDING_WARNING:
		return "warning";
	case FINDING_WRONG:
		return "wrong";
	case FINDING_UNKNOWN:
		return "unknown";
	}
	return "unknown";
}

void doctor_say(struct doctor *d, enum finding finding, const char *check, const char *subject,
	const char *mend, const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	d->wrong += finding == FINDING_WRONG;
	d->warnings += finding == FINDING_WARNING;
	json_array_append_new(
		d->findings, json_pack("{s:s, s:s, s:s?, s:s, s:s?}", "check", check, "state",
				     finding_name(finding), "subject", subject, "text",
				     text ? text : "", "mend", mend));
	free(text);
}

/* ---- the configuration ---- */

/* Each line that fotad says to stderr is a problem. */
static void take_problems(struct doctor *d, FILE *from)
{
	static const char warning[] = "warning: ";
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	while ((n = getline(&line, &size, from)) > 0) {
		line[n - (line[n - 1] == '\n')] = '\0';
		if (text_starts_with(line, warning))
			doctor_say(d, FINDING_WARNING, "configuration", NULL, NULL, "%s",
				line + strlen(warning));
		else
			doctor_say(d, FINDING_WRONG, "configuration", NULL,
				d->running ? "correct it (man fotad.json), then: fotactl "
					     "check-config && fotactl reload"
					   : "correct it (man fotad.json), then: fotactl "
					     "check-config && systemctl start fotad",
				"%s", line);
	}
	free(line);
}

void doctor_configuration(struct doctor *d)
{
	TEXT_AUTO option = words("--config=%s", d->config);
	int ends[2], status = -1;
	unsigned before = d->wrong;
	pid_t child;
	FILE *from;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	child = fork();
	if (child == 0) {
		dup2(ends[1], STDERR_FILENO);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDOUT_FILENO);
		execl(fotad_program(), fotad_program(), "--check-config", option, (char *) NULL);
		_exit(127);
	}
	close(ends[1]);
	from = fdopen(ends[0], "r");
	if (child > 0 && from)
		take_problems(d, from);
	if (from)
		fclose(from);
	if (child > 0)
		(void) waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && d->wrong == before)
		doctor_say(d, FINDING_GOOD, "configuration", d->config, NULL, "valid");
	else if (!WIFEXITED(status) || WEXITSTATUS(status) == 127)
		doctor_say(d, FINDING_UNKNOWN, "configuration", d->config,
			"is package fotad installed?", "%s cannot be run", fotad_program());
}

/* ---- fotad and its unit ---- */

static json_t *unit_properties(struct ctl *ctl)
{
	CLEANUP(sd_bus_message_unrefp) sd_bus_message *reply = NULL, *all = NULL;
	json_t *unit;
	const char *path;

	if (!ctl->bus ||
		sd_bus_call_method(ctl->bus, SYSTEMD, SYSTEMD_PATH, SYSTEMD ".Manager", "LoadUnit",
			NULL, &reply, "s", "fotad.service") < 0 ||
		sd_bus_message_read(reply, "o", &path) < 0 ||
		sd_bus_call_method(ctl->bus, SYSTEMD, path, "org.freedesktop.DBus.Properties",
			"GetAll", NULL, &all, "s", "") < 0)
		return NULL;
	unit = link_json(all);
	if (!text_equal(text_of(unit, "LoadState"), "loaded")) {
		json_decref(unit);
		return NULL;
	}
	return unit;
}

static void look_at_unit(struct doctor *d)
{
	const char *state = text_of(d->unit, "ActiveState"), *result = text_of(d->unit, "Result");
	long long status = number_of(d->unit, "ExecMainStatus", 0);

	if (!d->unit)
		doctor_say(d, FINDING_UNKNOWN, "unit", "fotad.service",
			"under systemd, install package fotad", "no systemd here knows it");
	else if (text_equal(state, "active"))
		doctor_say(d, FINDING_GOOD, "unit", "fotad.service", NULL, "active");
	else if (status == CTL_CONFIGURATION)
		doctor_say(d, FINDING_WRONG, "unit", "fotad.service",
			"mend the configuration (below), then: systemctl start fotad",
			"%s: the configuration was refused", state);
	else
		doctor_say(d, FINDING_WRONG, "unit", "fotad.service",
			"systemctl start fotad; if it fails: journalctl -u fotad -n 30", "%s%s%s",
			state ? state : "?", result && !text_equal(result, "success") ? ": " : "",
			result && !text_equal(result, "success") ? result : "");
}

static void look_at_daemon(struct doctor *d)
{
	const char *store = text_of(d->fleet.daemon, "store_error");

	if (!d->ctl->bus) {
		doctor_say(d, FINDING_WRONG, "bus", NULL,
			"systemctl start dbus; fotad itself can work without it",
			"does not answer, so fotad cannot be asked");
		return;
	}
	if (!d->running) {
		doctor_say(d, FINDING_WRONG, "daemon", NULL, "systemctl start fotad",
			"fotad does not answer on the bus");
		return;
	}
	doctor_say(d, FINDING_GOOD, "daemon", NULL, NULL, "fotad %s answers",
		text_of(d->fleet.daemon, "version"));
	if (store)
		doctor_say(d, FINDING_WRONG, "state", NULL,
			"make room or mend the disk; fotad goes on by itself when it can save "
			"again",
			"cannot be saved: %s", store);
	else if (flag_of(d->fleet.daemon, "held"))
		doctor_say(d, FINDING_WRONG, "state", NULL,
			"look at fotactl modems and fotactl jobs, then: fotactl acknowledge",
			"was lost; no job starts");
	else
		doctor_say(d, FINDING_GOOD, "state", NULL, NULL, "can be saved");
	if (flag_of(d->fleet.daemon, "paused"))
		doctor_say(d, FINDING_WARNING, "pause", NULL, "fotactl resume",
			"an operator has stopped all new starts");
}

static void look_at_clock(struct doctor *d)
{
	int synchronised = -1;

	if (d->running)
		synchronised = flag_of(d->fleet.daemon, "clock_synchronised");
	else if (d->ctl->bus &&
		 sd_bus_get_property_trivial(d->ctl->bus, "org.freedesktop.timedate1",
			 "/org/freedesktop/timedate1", "org.freedesktop.timedate1",
			 "NTPSynchronized", NULL, 'b', &synchronised) < 0)
		synchronised = -1;
	if (synchronised < 0)
		doctor_say(d, FINDING_UNKNOWN, "clock", NULL, "see timedatectl",
			"nobody says whether it is synchronised");
	else if (synchronised)
		doctor_say(d, FINDING_GOOD, "clock", NULL, NULL, "synchronised");
	else
		doctor_say(d, FINDING_WARNING, "clock", NULL,
			"timedatectl set-ntp true, or look after chrony or ntpd; see timedatectl",
			"not synchronised: windows open at the wrong time");
}

void doctor_service(struct doctor *d)
{
	look_at_unit(d);
	look_at_daemon(d);
	look_at_clock(d);
}

/* ---- the report ---- */

static void print_finding(const struct ctl *ctl, const json_t *finding)
{
	const char *state = text_of(finding, "state"), *subject = text_of(finding, "subject"),
		   *mend = text_of(finding, "mend");
	enum table_colour colour = !ctl->colour			? TABLE_PLAIN
				   : text_equal(state, "wrong") ? TABLE_RED
				   : text_equal(state, "good")	? TABLE_GREEN
								: TABLE_YELLOW;
	TEXT_AUTO safe = shown(text_of(finding, "text"));
	TEXT_AUTO about = shown(subject);

	printf("%s%-8s%s %-14s %s%s%s\n", colour_on(colour), state,
		colour == TABLE_PLAIN ? "" : COLOUR_OFF, text_of(finding, "check"), about,
		about[0] ? ": " : "", safe);
	if (mend) {
		TEXT_AUTO how = shown(mend);

		printf("%-23s -> %s\n", "", how);
	}
}

static void report(const struct doctor *d)
{
	json_t *finding;
	size_t i;

	if (d->ctl->json != CTL_JSON_OFF) {
		print_json(d->ctl,
			json_pack("{s:b, s:O}", "healthy", d->wrong == 0, "findings", d->findings));
		return;
	}
	json_array_foreach (d->findings, i, finding)
		print_finding(d->ctl, finding);
	if (!d->ctl->no_legend && d->wrong == 0)
		printf("\nNothing is wrong%s.\n",
			d->warnings > 0 ? "; look at the warnings" : "");
	else if (!d->ctl->no_legend)
		printf("\n%u thing%s to mend.\n", d->wrong, PLURAL(d->wrong));
}

enum ctl_exit verb_doctor(struct ctl *ctl, int argc UNUSED, char **argv UNUSED)
{
	struct doctor d = { .ctl = ctl, .findings = json_array() };
	const char *known;

	if (link_try(ctl) && link_is_on_bus(ctl, FOTAD_NAME))
		d.running = fleet_read(ctl, &d.fleet) == CTL_DONE;
	known = text_of(d.fleet.daemon, "configuration");
	d.config = ctl->config ? ctl->config : known ? known : FOTAD_CONFIG;
	d.unit = unit_properties(ctl);
	site_read(d.config, &d.site);
	doctor_service(&d);
	doctor_configuration(&d);
	doctor_credentials(&d);
	doctor_ports(&d);
	doctor_fetch(&d);
	doctor_servers(&d);
	report(&d);
	json_decref(d.findings);
	json_decref(d.unit);
	site_clear(&d.site);
	fleet_clear(&d.fleet);
	return d.wrong > 0 ? CTL_FAILED : CTL_DONE;
}
