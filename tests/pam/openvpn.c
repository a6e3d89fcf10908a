/* OpenVPN's side of its own PAM plugin, as far as one login takes: it opens the plugin, hands it a name and a password as
 * the server does, and says what came of it.
 *
 *     plugin NAME PASSWORD
 */
#include <dlfcn.h>
#include <openvpn/openvpn-plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLUGIN "/usr/lib/openvpn/openvpn-plugin-auth-pam.so"

typedef int (*open_v3)(const int, struct openvpn_plugin_args_open_in const *, struct openvpn_plugin_args_open_return *);
typedef int (*func_v1)(openvpn_plugin_handle_t, const int, const char *[], const char *[]);
typedef void (*close_v1)(openvpn_plugin_handle_t);

static void log_line(openvpn_plugin_log_flags_t flags, const char *name, const char *format, ...)
{
    (void)flags, (void)name, (void)format;
}

static void log_list(openvpn_plugin_log_flags_t flags, const char *name, const char *format, va_list list)
{
    (void)flags, (void)name, (void)format, (void)list;
}

static void wipe(void *data, size_t length)
{
    memset(data, 0, length);
}

static int decode(const char *text, void *data, int size)
{
    (void)text, (void)data, (void)size;
    return -1;
}

static int encode(const void *data, int size, char **text)
{
    (void)data, (void)size, (void)text;
    return -1;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 64;
    void *plugin = dlopen(PLUGIN, RTLD_NOW);
    if (!plugin) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    open_v3 open = (open_v3)dlsym(plugin, "openvpn_plugin_open_v3");
    func_v1 verify = (func_v1)dlsym(plugin, "openvpn_plugin_func_v1");
    close_v1 end = (close_v1)dlsym(plugin, "openvpn_plugin_close_v1");
    if (!open || !verify || !end)
        return 2;
    /* As in a server's configuration: which answer goes to which question. */
    const char *words[] = {PLUGIN, "openvpn", "login", "USERNAME", "Password", "PASSWORD", NULL};
    char name[256], password[256];
    snprintf(name, sizeof name, "username=%s", argv[1]);
    snprintf(password, sizeof password, "password=%s", argv[2]);
    const char *environment[] = {"verb=3", name, password, NULL};
    struct openvpn_plugin_callbacks callbacks = {log_line, log_list, wipe, encode, decode};
    struct openvpn_plugin_args_open_in in = {0, words, environment, &callbacks, SSLAPI_OPENSSL, "2.6", 2, 6, ""};
    struct openvpn_plugin_args_open_return opened = {0, NULL, NULL};
    if (open(OPENVPN_PLUGINv3_STRUCTVER, &in, &opened) != OPENVPN_PLUGIN_FUNC_SUCCESS)
        return 3;
    int came = verify(opened.handle, OPENVPN_PLUGIN_AUTH_USER_PASS_VERIFY, words, environment);
    puts(came == OPENVPN_PLUGIN_FUNC_SUCCESS ? "let in" : "refused");
    end(opened.handle);
    return 0;
}
