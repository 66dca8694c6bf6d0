#include "ctl/link.h"

/* Integers of JSON have 63 bits and a sign: USEC_INFINITY, and nothing else that fotad says, becomes -1. */
static json_t *basic(sd_bus_message *message, char type)
{
	union {
		const char *text;
		uint8_t byte;
		int16_t i16;
		uint16_t u16;
		int32_t i32;
		uint32_t u32;
		int64_t i64;
		uint64_t u64;
		double real;
		int flag;
	} value;

	if (sd_bus_message_read_basic(message, type, &value) <= 0)
		return NULL;
	switch (type) {
	case SD_BUS_TYPE_BOOLEAN:
		return json_boolean(value.flag);
	case SD_BUS_TYPE_BYTE:
		return json_integer(value.byte);
	case SD_BUS_TYPE_INT16:
		return json_integer(value.i16);
	case SD_BUS_TYPE_UINT16:
		return json_integer(value.u16);
	case SD_BUS_TYPE_INT32:
	case SD_BUS_TYPE_UNIX_FD:
		return json_integer(value.i32);
	case SD_BUS_TYPE_UINT32:
		return json_integer(value.u32);
	case SD_BUS_TYPE_INT64:
		return json_integer(value.i64);
	case SD_BUS_TYPE_UINT64:
		return json_integer((json_int_t) value.u64);
	case SD_BUS_TYPE_DOUBLE:
		return json_real(value.real);
	default:
		return json_string(value.text);
	}
}

static json_t *array(sd_bus_message *message, char type, const char *contents)
{
	json_t *list = json_array(), *item;

	if (sd_bus_message_enter_container(message, type, contents) <= 0)
		return list;
	while ((item = link_json(message)))
		json_array_append_new(list, item);
	sd_bus_message_exit_container(message);
	return list;
}

static json_t *dictionary(sd_bus_message *message, const char *contents)
{
	json_t *object = json_object();

	if (sd_bus_message_enter_container(message, SD_BUS_TYPE_ARRAY, contents) <= 0)
		return object;
	while (sd_bus_message_enter_container(message, SD_BUS_TYPE_DICT_ENTRY, NULL) > 0) {
		json_t *key = link_json(message), *value = link_json(message);

		if (json_is_string(key) && value)
			json_object_set_new(object, json_string_value(key), value);
		else
			json_decref(value);
		json_decref(key);
		sd_bus_message_exit_container(message);
	}
	sd_bus_message_exit_container(message);
	return object;
}

json_t *link_json(sd_bus_message *message)
{
	const char *contents;
	json_t *value;
	char type;

	if (sd_bus_message_peek_type(message, &type, &contents) <= 0)
		return NULL;
	switch (type) {
	case SD_BUS_TYPE_VARIANT:
		if (sd_bus_message_enter_container(message, type, contents) <= 0)
			return NULL;
		value = link_json(message);
		sd_bus_message_exit_container(message);
		return value;
	case SD_BUS_TYPE_ARRAY:
		return contents[0] == SD_BUS_TYPE_DICT_ENTRY_BEGIN ? dictionary(message, contents)
								   : array(message, type, contents);
	case SD_BUS_TYPE_STRUCT:
		return array(message, type, contents);
	default:
		return basic(message, type);
	}
}
