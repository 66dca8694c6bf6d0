#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "ctl/doctor.h"
#include "ctl/holders.h"
#include "ctl/text.h"

#define SERVICE_USER "fotad" /* as the unit and sysusers.d have it */
#define GROUPS_MAX   64

#define PTS_MAJOR_FIRST 136 /* pseudo-terminals (devices.txt of the kernel) */
#define PTS_MAJOR_LAST	143

#define MODEM_MANAGER_MEND                                                                         \
	"let it ignore this module, or only this port of it: the rules in "                        \
	"examples/udev/78-fotad.rules, then udevadm trigger and "                                  \
	"systemctl restart ModemManager"

/* ---- may the service's user open it? ---- */

struct identity_of_service {
	uid_t uid;
	gid_t groups[GROUPS_MAX];
	int n;
};

static void add_group(struct identity_of_service *who, const char *name)
{
	const struct group *group = name ? getgrnam(name) : NULL;

	if (group && who->n < GROUPS_MAX)
		who->groups[who->n++] = group->gr_gid;
}

/* The user of the unit with its supplementary groups. false: there is none. */
static bool service_user(const struct doctor *d, struct identity_of_service *ret)
{
	const char *user = text_of(d->unit, "User");
	const struct passwd *entry = getpwnam(user && user[0] ? user : SERVICE_USER);
	json_t *group;
	size_t i;

	if (!entry)
		return false;
	*ret = (struct identity_of_service){ .uid = entry->pw_uid, .n = GROUPS_MAX };
	if (getgrouplist(entry->pw_name, entry->pw_gid, ret->groups, &ret->n) < 0)
		ret->n = GROUPS_MAX;
	json_array_foreach (json_object_get(d->unit, "SupplementaryGroups"), i, group)
		add_group(ret, json_string_value(group));
	if (!d->unit)
		add_group(ret, "dialout");
	return true;
}

static bool may_open(const struct identity_of_service *who, const struct stat *st)
{
	mode_t wanted = S_IROTH | S_IWOTH;

	if (who->uid == 0)
		return true;
	if (who->uid == st->st_uid)
		return (st->st_mode >> 6 & wanted) == wanted;
	for (int i = 0; i < who->n; i++)
		if (who->groups[i] == st->st_gid)
			return (st->st_mode >> 3 & wanted) == wanted;
	return (st->st_mode & wanted) == wanted;
}

/* ---- does the unit's sandbox let it through? ---- */

/* "ttyUSB", as /proc/devices names this driver. */
static bool driver_name(unsigned number, char ret[static 64])
{
	FILE *file = fopen("/proc/devices", "re");
	char line[128];
	unsigned found;
	bool is = false;

	while (file && !is && fgets(line, sizeof(line), file) && !text_starts_with(line, "Block"))
		is = sscanf(line, "%u %63s", &found, ret) == 2 && found == number;
	if (file)
		fclose(file);
	return is;
}

/* DeviceAllow= of the unit, as systemd tells it: [["char-ttyUSB", "rw"], ...] */
static bool is_allowed(const struct doctor *d, const char *path, const char *driver)
{
	TEXT_AUTO wanted = words("char-%s", driver);
	const char *policy = text_of(d->unit, "DevicePolicy");
	json_t *rule;
	size_t i;

	if (!d->unit || text_equal(policy, "auto"))
		return true;
	json_array_foreach (json_object_get(d->unit, "DeviceAllow"), i, rule) {
		const char *name = json_string_value(json_array_get(rule, 0));

		if (text_equal(name, wanted) || text_equal(name, "char-*") ||
			text_equal(name, path))
			return true;
	}
	return false;
}

/* ---- one port ---- */

static bool is_fotad(const struct doctor *d, const char *name, const char *device)
{
	json_t *modem;
	size_t i;

	json_array_foreach (d->fleet.modems, i, modem)
		if (text_equal(text_of(modem, "name"), name))
			return text_equal(text_of(modem, "device"), device);
	return false;
}

/* What is wrong with the port itself; false: nothing more can be said about it. */
static bool look_at_device(struct doctor *d, const char *name, const char *port,
	char path[static PATH_MAX], struct stat *st)
{
	if (!realpath(port, path) || stat(path, st) < 0) {
		doctor_say(d, FINDING_WARNING, "port", name,
			"is the module powered and plugged in? If it is at another place: fotactl "
			"detect",
			"%s is not there (%s)", port, strerror(errno));
		return false;
	}
	if (!S_ISCHR(st->st_mode)) {
		doctor_say(d, FINDING_WRONG, "port", name,
			"correct \"port\" in the configuration; fotactl detect shows the ports",
			"%s is no serial port", port);
		return false;
	}
	return true;
}

static void look_at_access(
	struct doctor *d, const char *name, const char *path, const struct stat *st)
{
	unsigned number = major(st->st_rdev);
	struct identity_of_service who;
	char driver[64];

	if (service_user(d, &who) && !may_open(&who, st)) {
		TEXT_AUTO mend =
			words("add the user to the port's group: usermod -aG %s " SERVICE_USER
			      ", then systemctl restart fotad",
				getgrgid(st->st_gid) ? getgrgid(st->st_gid)->gr_name : "dialout");

		doctor_say(d, FINDING_WRONG, "permission", name, mend,
			"user " SERVICE_USER " may not open %s (mode %04o)", path,
			(unsigned) st->st_mode & 07777);
	}
	if (number >= PTS_MAJOR_FIRST && number <= PTS_MAJOR_LAST)
		return;
	if (driver_name(number, driver) && !is_allowed(d, path, driver)) {
		/* char-ttyS would open the consoles, too. */
		TEXT_AUTO mend = words("systemctl edit fotad: [Service] DeviceAllow=%s%s rw; then "
				       "systemctl restart fotad",
			text_equal(driver, "ttyS") ? "" : "char-",
			text_equal(driver, "ttyS") ? path : driver);

		doctor_say(d, FINDING_WRONG, "DeviceAllow", name, mend,
			"the unit's sandbox hides %s (char-%s)", path, driver);
	}
}

static const char *mend_holder(const char *holder)
{
	if (strstr(holder, "getty"))
		return "a login prompt is on this port: systemctl disable --now serial-getty@NAME "
		       "(systemctl list-units 'serial-getty@*')";
	if (text_starts_with(holder, "ModemManager"))
		return MODEM_MANAGER_MEND;
	return "stop that program, or give fotad another AT port of the module";
}

static void look_at_holder(struct doctor *d, const char *name, const char *path)
{
	TEXT_AUTO holder = is_fotad(d, name, path) && d->running ? NULL : holder_of(path);

	if (holder && !text_starts_with(holder, "fotad "))
		doctor_say(d, FINDING_WRONG, "holder", name, mend_holder(holder),
			"%s is held by %s", path, holder);
	else
		doctor_say(d, FINDING_GOOD, "port", name, NULL, "%s%s", path,
			holder || is_fotad(d, name, path) ? ", fotad has it" : "");
}

/* ModemManager opens ports now and then: that it holds none at this moment says little. */
static void look_at_modem_manager(struct doctor *d)
{
	CLEANUP(json_decrefp) json_t *devices = modem_manager_devices(d->ctl);

	if (json_array_size(devices) > 0)
		doctor_say(d, FINDING_WARNING, "ModemManager", NULL, MODEM_MANAGER_MEND,
			"runs, and has %zu modem%s of its own; fotad has it leave one alone only "
			"while it upgrades that",
			json_array_size(devices), PLURAL(json_array_size(devices)));
}

void doctor_ports(struct doctor *d)
{
	char path[PATH_MAX];
	struct stat st;
	json_t *modem;
	size_t i;

	if (!getpwnam(SERVICE_USER) && d->unit)
		doctor_say(d, FINDING_WRONG, "user", SERVICE_USER, "systemd-sysusers",
			"the service's user does not exist");
	json_array_foreach (d->site.modems, i, modem) {
		const char *name = text_of(modem, "name");

		if (!look_at_device(d, name, text_of(modem, "port"), path, &st))
			continue;
		look_at_access(d, name, path, &st);
		look_at_holder(d, name, path);
	}
	if (!holders_are_visible() && json_array_size(d->site.modems) > 0)
		doctor_say(d, FINDING_UNKNOWN, "holder", NULL, "sudo fotactl doctor",
			"who holds a port is seen only by root, unless there is a lock file");
	look_at_modem_manager(d);
}
