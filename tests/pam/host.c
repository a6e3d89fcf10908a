/* A program that logs somebody in through libpam, and treats the module as badly as it is told to.
 *
 *     host REPORT FOLDER SERVICE USER CONVERSATION [closed|waits|later]
 *
 * closed: without descriptors 0 to 2. waits: once it is asked, until its standard input ends. later: only the phases after
 * pam_authenticate, as in a program that authenticates elsewhere.
 * FOLDER holds the stack, and the socket `log`, which becomes its /dev/log; REPORT gets one line per observation.
 * CONVERSATION: type:TEXT (written backwards, so that the code itself is in this process only where the module or libpam
 * put it), hold:TEXT (the same, but the program keeps a copy: the search for copies must find it), or the name of a fault
 * below.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <security/pam_appl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *report;
static const char *conversation;
static char *held;
static int waits;

static char *backwards(const char *text)
{
    size_t length = strlen(text);
    char *copy = malloc(length + 1);
    for (size_t i = 0; i < length; i++)
        copy[i] = text[length - 1 - i];
    copy[length] = 0;
    return copy;
}

static int is(const char *fault)
{
    return strcmp(conversation, fault) == 0;
}

static int converse(int count, const struct pam_message **messages, struct pam_response **responses, void *context)
{
    (void)context;
    for (int i = 0; i < count; i++) {
        int prompt = messages[i]->msg_style == PAM_PROMPT_ECHO_OFF || messages[i]->msg_style == PAM_PROMPT_ECHO_ON;
        fprintf(report, "%s %d %s\n", prompt ? "asked" : "told", messages[i]->msg_style, messages[i]->msg);
    }
    char ignored;
    while (waits && read(0, &ignored, 1) > 0)
        ;
    if (is("error"))
        return PAM_CONV_ERR;
    if (is("error-and-garbage")) {
        *responses = (void *)(uintptr_t)0x10;
        return PAM_CONV_ERR;
    }
    if (is("unknown-code"))
        return 4711;
    if (is("null-array")) {
        *responses = NULL;
        return PAM_SUCCESS;
    }
    *responses = calloc(count, sizeof **responses);
    for (int i = 0; i < count; i++) {
        char *answer = NULL;
        if (is("huge")) {
            answer = malloc((1 << 20) + 1);
            memset(answer, '1', 1 << 20);
            answer[1 << 20] = 0;
        } else if (is("not-utf-8")) {
            answer = strdup("\xff\xfe"
                            "123456");
        } else if (strncmp(conversation, "type:", 5) == 0) {
            answer = backwards(conversation + 5);
        } else if (strncmp(conversation, "hold:", 5) == 0) {
            answer = backwards(conversation + 5);
            held = strdup(answer);
        } else if (!is("null-answer")) {
            fprintf(report, "unknown conversation\n");
            _exit(64);
        }
        (*responses)[i].resp = answer;
        (*responses)[i].resp_retcode = 4711;
    }
    return PAM_SUCCESS;
}

/* How often the text stands in this process's writable memory. */
static int occurrences(const char *text_backwards)
{
    size_t length = strlen(text_backwards);
    int found = 0;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps)) {
        uintptr_t from, to;
        char mode[8];
        sscanf(line, "%lx-%lx %7s", &from, &to, mode);
        if (mode[0] != 'r' || mode[1] != 'w')
            continue;
        for (const char *at = (const char *)from; at + length <= (const char *)to; at++) {
            size_t i = 0;
            while (i < length && at[i] == text_backwards[length - 1 - i])
                i++;
            found += i == length;
        }
    }
    fclose(maps);
    return found;
}

static int module_is_loaded(void)
{
    char line[512];
    int loaded = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps))
        loaded |= strstr(line, "pam_twofold") != NULL;
    fclose(maps);
    return loaded;
}

static int entries(const char *folder)
{
    int count = 0;
    DIR *open = opendir(folder);
    while (readdir(open))
        count++;
    closedir(open);
    return count;
}

/* What a module must leave as it was. */
static void surroundings(const char *when)
{
    char cwd[4096];
    struct rlimit core, files;
    mode_t mask = umask(0);
    umask(mask);
    getrlimit(RLIMIT_CORE, &core);
    getrlimit(RLIMIT_NOFILE, &files);
    fprintf(report, "%s descriptors %d threads %d umask %o cwd %s core %lu files %lu uid %d signals", when,
            entries("/proc/self/fd"), entries("/proc/self/task"), mask, getcwd(cwd, sizeof cwd), core.rlim_cur,
            files.rlim_cur, geteuid());
    for (int number = 1; number < 32; number++) {
        struct sigaction action;
        sigset_t blocked;
        sigaction(number, NULL, &action);
        sigprocmask(SIG_BLOCK, NULL, &blocked);
        fprintf(report, " %d", (action.sa_handler != SIG_DFL) + 2 * sigismember(&blocked, number));
    }
    fprintf(report, "\n");
}

/* Gives this process FOLDER/log as /dev/log, where whoever runs it has not done so already. The machine's own may be
 * missing, and is nobody's to fill. */
static int own_log(const char *folder)
{
    char wanted[4096], found[4096];
    snprintf(wanted, sizeof wanted, "%s/log", folder);
    ssize_t length = readlink("/dev/log", found, sizeof found - 1);
    found[length < 0 ? 0 : length] = 0;
    if (strcmp(wanted, found) == 0)
        return 1;
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("none", "/dev", "tmpfs", 0, NULL) == 0 && symlink(wanted, "/dev/log") == 0;
}

int main(int argc, char **argv)
{
    if (argc < 6)
        return 64;
    report = fopen(argv[1], "w");
    setvbuf(report, NULL, _IOLBF, 0);
    if (!own_log(argv[2])) {
        perror("/dev/log");
        return 66;
    }
    conversation = argv[5];
    if (argc > 6 && strcmp(argv[6], "closed") == 0)
        for (int fd = 0; fd < 3; fd++)
            close(fd);
    waits = argc > 6 && strcmp(argv[6], "waits") == 0;
    int later = argc > 6 && strcmp(argv[6], "later") == 0;

    struct pam_conv conv = {is("no-function") ? NULL : converse, NULL};
    pam_handle_t *pam = NULL;
    /* The first use of libpam and of stdio opens and allocates what they keep. */
    surroundings("ignored");
    if (pam_start_confdir(argv[3], argv[4], &conv, argv[2], &pam) != PAM_SUCCESS)
        return 65;
    pam_set_item(pam, PAM_RHOST, "203.0.113.9");
    surroundings("before");
    int code = later ? PAM_SUCCESS : pam_authenticate(pam, 0);
    surroundings("after");
    if (!later)
        fprintf(report, "authenticate %d\n", code);
    fprintf(report, "setcred %d\n", pam_setcred(pam, PAM_ESTABLISH_CRED));
    fprintf(report, "account %d\n", pam_acct_mgmt(pam, 0));
    fprintf(report, "open_session %d\n", pam_open_session(pam, 0));
    fprintf(report, "close_session %d\n", pam_close_session(pam, 0));
    fprintf(report, "chauthtok %d\n", pam_chauthtok(pam, 0));
    pam_end(pam, code);
    fprintf(report, "loaded %d\n", module_is_loaded());
    if (conversation[4] == ':')
        fprintf(report, "left_in_memory %d\n", occurrences(conversation + 5));
    fprintf(report, "lived yes\n");
    return 0;
}
