/* The SQLite file of dht/store: who may have written it, and how it is opened so that neither a
 * crash, a second daemon nor a hostile file does harm. For dht/store*.c only. */
#ifndef DHT_STORE_FILE_H
#define DHT_STORE_FILE_H

struct sqlite3;

/* Makes or opens PATH and takes it for this process alone. 0; -EBADMSG: not ours, or damaged;
 * -EBUSY: another process holds it; else what open(2) said. */
int store_file_open(const char *path, struct sqlite3 **ret_db);

/* SQLite's result code as 0 or a negative errno. */
int store_error_of(int code);

/* A commit that changes nothing. */
int store_file_touch(struct sqlite3 *db);

#endif
