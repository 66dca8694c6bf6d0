#include "ctl/screen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"

/* xterm's control sequences, as every terminal of today knows them: other screen, cursor off, no wrapping of long lines. */
#define ENTER "\033[?1049h\033[?25l\033[?7l\033[H\033[2J"
#define LEAVE "\033[?7h\033[?25h\033[?1049l"

static struct termios before;
static bool is_open;

bool screen_is_possible(void)
{
	const char *terminal = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && terminal && terminal[0] &&
	       !text_equal(terminal, "dumb");
}

static void write_all(const char *data, size_t n)
{
	while (n > 0) {
		ssize_t written = write(STDOUT_FILENO, data, n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return; /* the terminal is gone: there is nobody to tell */
		data += written;
		n -= (size_t) written;
	}
}

int screen_open(void)
{
	struct termios quiet;

	if (is_open)
		return 0;
	if (tcgetattr(STDIN_FILENO, &before) < 0)
		return -errno;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet) < 0)
		return -errno;
	is_open = true;
	write_all(ENTER, strlen(ENTER));
	return 0;
}

void screen_close(void)
{
	if (!is_open)
		return;
	is_open = false;
	write_all(LEAVE, strlen(LEAVE));
	(void) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

void screen_size(size_t *ret_columns, size_t *ret_rows)
{
	struct winsize size = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
		size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	*ret_columns = size.ws_col;
	*ret_rows = size.ws_row;
}

void screen_paint(const char *text)
{
	size_t columns, rows, size = 0;
	char *frame = malloc(8 * (strlen(text) + 8));

	if (!frame)
		return;
	screen_size(&columns, &rows);
	size += (size_t) (stpcpy(frame, "\033[H") - frame);
	for (size_t row = 0; row < rows && *text; row++) {
		size_t n = strcspn(text, "\n");

		if (row > 0)
			frame[size++] = '\n';
		memcpy(frame + size, text, n);
		size += n;
		size += (size_t) (stpcpy(frame + size, "\033[K") - (frame + size));
		text += n + (text[n] == '\n');
	}
	size += (size_t) (stpcpy(frame + size, "\033[J") - (frame + size));
	/* One write, so that no half frame is seen. */
	write_all(frame, size);
	free(frame);
}
