#include <errno.h>
#include <libserialport.h>

#include "base/macros.h"
#include "io/serial-internal.h"

/* Only after SP_ERR_FAIL is errno worth anything (libserialport.h, "Return codes"). */
static int error_of(enum sp_return result)
{
	int error;

	switch (result) {
	case SP_OK:
		return 0;
	case SP_ERR_FAIL:
		error = sp_last_error_code();
		return error > 0 ? -error : -EIO;
	case SP_ERR_MEM:
		return -ENOMEM;
	case SP_ERR_SUPP:
		return -EOPNOTSUPP;
	case SP_ERR_ARG:
		return -EINVAL;
	}
	return -EIO;
}

static void port_freep(struct sp_port **port)
{
	sp_free_port(*port); /* takes NULL; does not close */
}

static void config_freep(struct sp_port_config **config)
{
	if (*config)
		sp_free_config(*config);
}

static enum sp_return fill(struct sp_port_config *config, unsigned baud_rate)
{
	enum sp_return r;

	r = sp_set_config_baudrate(config, (int) baud_rate);
	if (r == SP_OK)
		r = sp_set_config_bits(config, 8);
	if (r == SP_OK)
		r = sp_set_config_parity(config, SP_PARITY_NONE);
	if (r == SP_OK)
		r = sp_set_config_stopbits(config, 1);
	if (r == SP_OK)
		r = sp_set_config_flowcontrol(config, SP_FLOWCONTROL_NONE);
	/* A module may take a low DTR for a hang-up, and stay silent without RTS (V.250, 6.2.9). */
	if (r == SP_OK)
		r = sp_set_config_dtr(config, SP_DTR_ON);
	if (r == SP_OK)
		r = sp_set_config_rts(config, SP_RTS_ON);
	return r;
}

int serial_tty_configure(const char *path, unsigned baud_rate)
{
	CLEANUP(config_freep) struct sp_port_config *config = NULL;
	CLEANUP(port_freep) struct sp_port *port = NULL;
	enum sp_return r;
	int error;

	r = sp_get_port_by_name(path, &port);
	if (r == SP_OK)
		r = sp_new_config(&config);
	if (r == SP_OK)
		r = fill(config, baud_rate);
	if (r == SP_OK)
		r = sp_open(port, SP_MODE_READ_WRITE);
	if (r != SP_OK)
		return error_of(r);
	/* Once: every sp_set_* rewrites the whole configuration, DTR and RTS included. */
	error = error_of(sp_set_config(port, config));
	sp_close(port);
	return error;
}
