/*
 * doctor - quipu doctor: would the server work here, and if not, what to do.
 */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

/*
 * argv: what follows "doctor", NULL at the end.  Returns the exit status: 0
 * when nothing is wrong (there may be advice), 1 when something is, 2 for bad
 * usage.
 */
int cli_doctor(char **argv, char **environment);

#endif
