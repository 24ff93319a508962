/* Descriptors that are none of ours. */
#ifndef FS_DESCRIPTORS_H
#define FS_DESCRIPTORS_H

/* What we open is closed at an exec. The first above stderr that is not, but for `but` (-1: any):
 * whoever has called us had it open, or a library has left it so. -1: there is none. */
int descriptors_of_others(int but);

#endif
