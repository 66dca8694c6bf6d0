/*
 * at-call - runs a program and kills it, tears a write, or lets a call fail, at system call K.
 *
 *	at-call [--log=FILE] --calls=NAME[,NAME...] [--count=NAME[,NAME...]] [--match=TEXT]
 *		[--kill=K | --kill-after=K | --tear=K,BYTES | --short=K,BYTES | --fail=K[+],ERRNO]
 *		PROGRAM [ARGUMENT...]
 *
 * K counts the named calls of all threads together, from the program's prctl(PR_SET_DUMPABLE) on:
 * what the dynamic loader does before is not the program's. With --match only those count whose
 * bytes, as the log shows them, contain TEXT.
 *
 *	--kill        the call does not happen
 *	--kill-after  it happens, its result is never seen (a read is always killed so)
 *	--tear        only its first BYTES bytes are written, and then as --kill-after
 *	--short       only its first BYTES bytes are written, and the program is told so
 *	--fail        it does not happen and returns the error, with a plus as all that follow do
 *
 * The log holds a line for each named call: number, thread, name, first argument, and the bytes of
 * a read or write, or the path of an open, escaped. When something was done to a call, its line
 * ends with "!".
 *
 * Exit code: the program's; 128 and the signal that ended it; 77 when tracing is not possible here.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS_MAX 64
#define SHOWN	    4096 /* bytes of a read or write in the log: a page of a database */
#define SKIPPED	    77

enum action { NOTHING, KILL, KILL_AFTER, TEAR, SHORT, FAIL };

static const struct call {
	const char *name;
	long number;
	bool in, out; /* bytes of argument 1 come in (seen after the call), go out (before it) */
	bool path;    /* argument 1 is text */
} calls[] = {
	{ .name = "write", .number = SYS_write, .out = true },
	{ .name = "pwrite64", .number = SYS_pwrite64, .out = true },
	{ .name = "read", .number = SYS_read, .in = true },
	{ .name = "openat", .number = SYS_openat, .path = true },
	{ .name = "fdatasync", .number = SYS_fdatasync },
	{ .name = "fsync", .number = SYS_fsync },
	{ .name = "mkdirat", .number = SYS_mkdirat },
#ifdef SYS_renameat
	{ .name = "renameat", .number = SYS_renameat },
#endif
	{ .name = "renameat", .number = SYS_renameat2 },
	{ .name = "ftruncate", .number = SYS_ftruncate },
	{ .name = "epoll_ctl", .number = SYS_epoll_ctl },
	{ .name = "epoll_create1", .number = SYS_epoll_create1 },
	{ .name = "epoll_wait", .number = SYS_epoll_pwait },
#ifdef SYS_epoll_wait
	{ .name = "epoll_wait", .number = SYS_epoll_wait },
#endif
	{ .name = "timerfd_create", .number = SYS_timerfd_create },
	{ .name = "timerfd_settime", .number = SYS_timerfd_settime },
	{ .name = "eventfd2", .number = SYS_eventfd2 },
	{ .name = "signalfd4", .number = SYS_signalfd4 },
	{ .name = "ioctl", .number = SYS_ioctl },
	{ .name = "socket", .number = SYS_socket },
	{ .name = "fcntl", .number = SYS_fcntl },
	{ .name = "mmap", .number = SYS_mmap },
	{ .name = "brk", .number = SYS_brk },
	{ .name = "clone3", .number = SYS_clone3 },
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

struct thread {
	pid_t tid;
	const struct call *call; /* it is in; NULL: none that counts */
	unsigned long arguments[6];
	bool touched;
};

static struct {
	bool wanted[N_CALLS], counts[N_CALLS], choosy;
	enum action action;
	unsigned long at, seen, counted, bytes;
	const char *match;
	bool from_there_on, counting;
	int error;
	FILE *log;
	struct thread threads[THREADS_MAX];
	size_t n_threads;
	pid_t child;
} state;

static struct thread *thread_of(pid_t tid)
{
	for (size_t i = 0; i < state.n_threads; i++)
		if (state.threads[i].tid == tid)
			return &state.threads[i];
	return NULL;
}

static struct thread *new_thread(pid_t tid)
{
	if (state.n_threads == THREADS_MAX) {
		fputs("at-call: too many threads\n", stderr);
		exit(1);
	}
	state.threads[state.n_threads] = (struct thread){ .tid = tid };
	return &state.threads[state.n_threads++];
}

static void forget_thread(struct thread *t)
{
	*t = state.threads[--state.n_threads];
}

/* ---- registers: the one part that differs between machines ---- */

#if defined(__x86_64__)
static void set_registers(pid_t tid, const unsigned long *number, const unsigned long *size,
	const unsigned long *result)
{
	struct user_regs_struct regs;
	struct iovec io = { &regs, sizeof(regs) };

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &io) < 0)
		return;
	if (number)
		regs.orig_rax = *number;
	if (size)
		regs.rdx = *size;
	if (result)
		regs.rax = *result;
	(void) ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &io);
}
#elif defined(__aarch64__)
static void set_registers(pid_t tid, const unsigned long *number, const unsigned long *size,
	const unsigned long *result)
{
	struct user_regs_struct regs;
	struct iovec io = { &regs, sizeof(regs) };
	int call;

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &io) < 0)
		return;
	if (size)
		regs.regs[2] = *size;
	if (result)
		regs.regs[0] = *result;
	(void) ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &io);
	if (number) {
		call = (int) *number;
		io = (struct iovec){ &call, sizeof(call) };
		(void) ptrace(PTRACE_SETREGSET, tid, NT_ARM_SYSTEM_CALL, &io);
	}
}
#else
static void set_registers(pid_t tid, const unsigned long *number, const unsigned long *size,
	const unsigned long *result)
{
	(void) tid, (void) number, (void) size, (void) result;
	fputs("at-call: tearing and failing is not known for this machine\n", stderr);
	exit(SKIPPED);
}
#endif

/* ---- the log ---- */

/* By words: reading the memory as a whole needs a right that fotad takes away (PR_SET_DUMPABLE). */
static void read_bytes(pid_t tid, unsigned long address, size_t size, bool path, char *text)
{
	long word = 0;

	for (size_t i = 0; i < size && i < SHOWN; i++) {
		size_t place = (address + i) % sizeof(word);
		unsigned char c;

		errno = 0;
		if (i == 0 || place == 0)
			word = ptrace(PTRACE_PEEKDATA, tid, address + i - place, NULL);
		if (errno != 0)
			break;
		memcpy(&c, (char *) &word + place, 1);
		if (path && c == '\0')
			break;
		text += sprintf(text, c >= 0x20 && c < 0x7f && c != '\\' ? "%c" : "\\x%02x", c);
	}
	*text = '\0';
}

static bool is_chosen(void)
{
	return state.counted == state.at || (state.from_there_on && state.counted > state.at);
}

/* Its bytes are known: does it count, and is it the one? Writes the log's line. */
static void count(struct thread *t, long size)
{
	static char text[4 * SHOWN + 1];

	text[0] = '\0';
	if (size > 0)
		read_bytes(t->tid, t->arguments[1], (size_t) size, t->call->path, text);
	state.seen++;
	if ((!state.choosy || state.counts[t->call - calls]) &&
		(!state.match || strstr(text, state.match))) {
		state.counted++;
		t->touched = state.action != NOTHING && is_chosen();
	}
	if (!state.log)
		return;
	fprintf(state.log, "%lu %d %s %ld %s%s\n", state.seen, (int) t->tid, t->call->name,
		(long) t->arguments[0], text, t->touched ? " !" : "");
	(void) fflush(state.log);
}

/* ---- calls ---- */

static void kill_it(void)
{
	(void) kill(state.child, SIGKILL);
}

static void enter_call(struct thread *t, const struct __ptrace_syscall_info *info)
{
	static const unsigned long no_call = (unsigned long) -1;

	t->call = NULL;
	t->touched = false;
	if (info->entry.nr == SYS_prctl && info->entry.args[0] == PR_SET_DUMPABLE)
		state.counting = true;
	for (size_t i = 0; i < N_CALLS && state.counting; i++)
		if (state.wanted[i] && (unsigned long) calls[i].number == info->entry.nr)
			t->call = &calls[i];
	if (!t->call)
		return;
	for (size_t i = 0; i < 6; i++)
		t->arguments[i] = info->entry.args[i];
	if (t->call->in)
		return;
	count(t, t->call->out ? (long) t->arguments[2] : t->call->path ? SHOWN : 0);
	if (!t->touched)
		return;
	if (state.action == KILL)
		kill_it();
	else if ((state.action == TEAR || state.action == SHORT) && state.bytes < t->arguments[2])
		set_registers(t->tid, NULL, &state.bytes, NULL);
	else if (state.action == FAIL)
		set_registers(t->tid, &no_call, NULL, NULL);
}

static void leave_call(struct thread *t, const struct __ptrace_syscall_info *info)
{
	unsigned long result = (unsigned long) -(long) state.error;

	if (!t->call)
		return;
	if (t->call->in)
		count(t, (long) info->exit.rval);
	if (t->touched && state.action == FAIL)
		set_registers(t->tid, NULL, NULL, &result);
	else if (t->touched && state.action != SHORT)
		kill_it();
	t->call = NULL;
}

static void on_call(struct thread *t)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, t->tid, sizeof(info), &info) < 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter_call(t, &info);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		leave_call(t, &info);
}

/* ---- the child ---- */

/* The signal that goes on to the thread; a new one stops once by itself. */
static int on_stop(pid_t tid, int status)
{
	struct thread *t = thread_of(tid);
	int number = WSTOPSIG(status);

	if (!t) {
		new_thread(tid);
		return number == SIGSTOP ? 0 : number;
	}
	if (number == (SIGTRAP | 0x80)) {
		on_call(t);
		return 0;
	}
	return status >> 16 != 0 || number == SIGTRAP ? 0 : number;
}

static int follow(void)
{
	int status, code = 1;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0) {
		struct thread *t = thread_of(tid);

		if (WIFSTOPPED(status)) {
			(void) ptrace(PTRACE_SYSCALL, tid, NULL, (long) on_stop(tid, status));
			continue;
		}
		if (t)
			forget_thread(t);
		if (tid == state.child)
			code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return code;
}

static int start(char **arguments)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
			     PTRACE_O_EXITKILL;
	int status;

	state.child = fork();
	if (state.child == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(SKIPPED);
		(void) raise(SIGSTOP);
		execvp(arguments[0], arguments);
		fprintf(stderr, "at-call: %s: %s\n", arguments[0], strerror(errno));
		_exit(127);
	}
	if (state.child < 0 || waitpid(state.child, &status, 0) < 0 || !WIFSTOPPED(status))
		return -1;
	if (ptrace(PTRACE_SETOPTIONS, state.child, NULL, options) < 0)
		return -1;
	new_thread(state.child);
	return ptrace(PTRACE_SYSCALL, state.child, NULL, NULL) < 0 ? -1 : 0;
}

/* ---- the command line ---- */

static const char *value_of(const char *argument, const char *name)
{
	size_t n = strlen(name);

	return strncmp(argument, name, n) == 0 ? argument + n : NULL;
}

static bool choose_calls(const char *names, bool *ret)
{
	size_t found = 0;

	for (size_t n; *names; names += n + (names[n] == ',')) {
		n = strcspn(names, ",");
		for (size_t i = 0; i < N_CALLS; i++)
			if (strlen(calls[i].name) == n && memcmp(calls[i].name, names, n) == 0) {
				ret[i] = true;
				found++;
			}
	}
	return found > 0;
}

/* "K", "K,NUMBER" or "K+,NUMBER" */
static bool choose_action(enum action action, const char *value)
{
	char *end;

	state.action = action;
	state.at = strtoul(value, &end, 10);
	state.from_there_on = *end == '+';
	end += state.from_there_on;
	if (action == TEAR || action == SHORT || action == FAIL) {
		if (*end != ',')
			return false;
		state.bytes = strtoul(end + 1, &end, 10);
		state.error = (int) state.bytes;
	}
	return state.at > 0 && *end == '\0';
}

static bool take_option(const char *argument)
{
	const char *value;

	if ((value = value_of(argument, "--log=")))
		return (state.log = fopen(value, "we")) != NULL;
	if ((value = value_of(argument, "--calls=")))
		return choose_calls(value, state.wanted);
	if ((value = value_of(argument, "--count="))) {
		state.choosy = true;
		return choose_calls(value, state.counts);
	}
	if ((value = value_of(argument, "--match="))) {
		state.match = value;
		return true;
	}
	if ((value = value_of(argument, "--kill=")))
		return choose_action(KILL, value);
	if ((value = value_of(argument, "--kill-after=")))
		return choose_action(KILL_AFTER, value);
	if ((value = value_of(argument, "--tear=")))
		return choose_action(TEAR, value);
	if ((value = value_of(argument, "--short=")))
		return choose_action(SHORT, value);
	if ((value = value_of(argument, "--fail=")))
		return choose_action(FAIL, value);
	return false;
}

int main(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++)
		if (!take_option(argv[i])) {
			fprintf(stderr, "at-call: %s is not understood\n", argv[i]);
			return 64;
		}
	if (i == argc) {
		fputs("at-call: which program?\n", stderr);
		return 64;
	}
	if (start(argv + i) < 0) {
		fprintf(stderr, "at-call: cannot trace here: %s\n", strerror(errno));
		return SKIPPED;
	}
	return follow();
}
