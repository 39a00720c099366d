/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every value type: what is accepted and how it is written back, what is refused and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "manager/base/string-list.h"
#include "units/values/text.h"
#include "units/values/types.h"

typedef union AnyValue {
#define X(name) value_##name v_##name;
        VALUE_TYPES(X)
#undef X
} AnyValue;

/* "%N" is the unit's name, "%%" a percent sign, all else a mistake: enough to see what is expanded. */
static int test_expand(const ValueContext *c, const char *word, char **ret) {
        char *s = NULL;

        for (const char *p = word; *p; p++) {
                bool name = p[0] == '%' && p[1] == 'N';

                if (*p == '%' && !name && p[1] != '%') {
                        free(s);
                        return value_error(c, "unknown specifier");
                }
                if (name)
                        assert_int_equal(str_append(&s, "web"), 0);
                else
                        assert_int_equal(str_append(&s, "%c", *p), 0);
                p += *p == '%';
        }
        *ret = s ? s : strdup("");
        return 0;
}

typedef struct Row {
        const char *type, *text;
        const char *printed; /* NULL: refused */
        const char *words;   /* of the message, where refused */
        const char *directive;
} Row;

static const Row rows[] = {
        {"bool", "yes", "yes"},
        {"bool", "TRUE", "yes"},
        {"bool", "on", "yes"},
        {"bool", "1", "yes"},
        {"bool", "y", "yes"},
        {"bool", "off", "no"},
        {"bool", "0", "no"},
        {"bool", "f", "no"},
        {"bool", "", "no"},
        {"bool", "2", NULL, "not a boolean"},
        {"bool", "yes please", NULL, "yes, true, on"},
        {"tristate", "", ""},
        {"tristate", "on", "yes"},
        {"tristate", "no", "no"},
        {"tristate", "maybe", NULL, "not a boolean"},

        {"string", "A unit of 'mine'", "A unit of 'mine'"},
        {"string", "100%% of %N", "100%% of web"},
        {"string", "  cut  ", "cut"},
        {"string", "", ""},
        {"string", "a\\nb", "a\\nb"},
        {"string", "%z", NULL, "unknown specifier"},
        {"string", "bell\a", NULL, "control character"},
        {"string", "csi \xc2\x9b", NULL, "control character"},
        {"string", "end\\", NULL, "backslash"},

        {"path", "/", "/"},
        {"path", "//srv///web/./root/", "/srv/web/root"},
        {"path", "/srv/my root", "/srv/my root"},
        {"path", "/srv/%N/50%%", "/srv/web/50%%"},
        {"path", "", ""},
        {"path", "/a/...", "/a/..."},
        {"path", "srv", NULL, "absolute"},
        {"path", "\"/srv\"", NULL, "without quotes"},
        {"path", "/a /", NULL, "ends in a space"},
        {"path", "/a\\/", NULL, "backslash"},
        {"output", "file:/a /", NULL, "ends in a space"},
        {"working_directory", "/a /", NULL, "ends in a space"},
        {"path", "/srv/../etc", NULL, "'..'"},
        {"path", "/..", NULL, "'..'"},

        {"hostname", "web-1.example", "web-1.example"},
        {"hostname", "%N", "web"},
        {"hostname", "", ""},
        {"hostname", "a.b.c.d", "a.b.c.d"},
        {"hostname", "-web", NULL, "hyphen"},
        {"hostname", "web-", NULL, "hyphen"},
        {"hostname", "a..b", NULL, "empty part"},
        {"hostname", "a.", NULL, "empty part"},
        {"hostname", ".a", NULL, "empty part"},
        {"hostname", "we b", NULL, "letter"},
        {"hostname", "w\xc3\xa9", NULL, "letter"},
        {"hostname", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, "64"},
        {"hostname", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, "63"},

        {"words", "a  b\tc", "a b c"},
        {"words", "'a b' \"c d\" e\"f g\"", "\"a b\" \"c d\" \"ef g\""},
        {"words", "\"\" x", "\"\" x"},
        {"words", "\\x41\\101\\u00e9\\U0001F600\\s",
         "\"A"
         "A\xc3\xa9\xf0\x9f\x98\x80 \""},
        {"words", "\\a\\b\\f\\n\\r\\t\\v\\\\\\\"\\'", "\"\\a\\b\\f\\n\\r\\t\\v\\\\\\\"'\""},
        {"words", "\"it's\" 'say \"x\"'", "\"it's\" \"say \\\"x\\\"\""},
        {"words", "\\xc3\\xa9", "\xc3\xa9"},
        {"words", "%N%%", "web%%"},
        {"words", "", ""},
        {"words", "a 'b", NULL, "never closed"},
        {"words", "\\q", NULL, "unknown escape"},
        {"words", "\\x4", NULL, "hexadecimal"},
        {"words", "\\xff", NULL, "UTF-8"},
        {"words", "\\x00", NULL, "NUL"},
        {"words", "\\000", NULL, "NUL"},
        {"words", "\\400", NULL, "octal"},
        {"words", "\\ud800", NULL, "Unicode"},
        {"words", "\\U00110000", NULL, "Unicode"},
        {"words", "end\\", NULL, "backslash"},

        {"time_span", "90", "1min 30s"},
        {"time_span", "5s", "5s"},
        {"time_span", "2min 200ms", "2min 200ms"},
        {"time_span", "1h30min", "1h 30min"},
        {"time_span", "1.5h", "1h 30min"},
        {"time_span", "0.5", "500ms"},
        {"time_span", ".5s", "500ms"},
        {"time_span", "1.000001s", "1s 1us"},
        {"time_span", "7us", "7us"},
        {"time_span", "1 day", "1d"},
        {"time_span", "1M", "1month"},
        {"time_span", "1m", "1min"},
        {"time_span", "1y 2weeks", "1y 2w"},
        {"time_span", "5 \xc2\xb5s", "5us"},
        {"time_span", "infinity", "infinity"},
        {"time_span", "0", "0"},
        {"time_span", "", "0"},
        {"time_span", "-1", NULL, "not a time span"},
        {"time_span", "5 parsecs", NULL, "not a time span"},
        {"time_span", "1.", NULL, "not a time span"},
        {"time_span", "infinity s", NULL, "not a time span"},
        {"time_span", "18446744073709551615us", NULL, "too long"},
        {"time_span", "600000y", NULL, "too long"},
        {"time_span", "99999999999999999999", NULL, "too long"},

        {"signal", "SIGTERM", "SIGTERM"},
        {"signal", "term", "SIGTERM"},
        {"signal", "9", "SIGKILL"},
        {"signal", "37", "SIGRTMIN+3"},
        {"signal", "SIGRTMIN+3", "SIGRTMIN+3"},
        {"signal", "RTMIN", "SIGRTMIN"},
        {"signal", "SIGRTMAX", "SIGRTMIN+30"},
        {"signal", "RTMAX-1", "SIGRTMIN+29"},
        {"signal", "SIGPOLL", "SIGIO"},
        {"signal", "", ""},
        {"signal", "SIGTRM", NULL, "did you mean SIGTERM"},
        {"signal", "0", NULL, "not a signal"},
        {"signal", "32", NULL, "not a signal"},
        {"signal", "65", NULL, "not a signal"},
        {"signal", "9x", NULL, "not a signal"},
        {"signal", "RTMIN+31", NULL, "not a signal"},
        {"signal", "RTMIN+-1", NULL, "not a signal"},

        {"mac_mode", "", ""},
        {"mac_mode", "auto", "auto"},
        {"mac_mode", "required", "required"},
        {"mac_mode", "no", "no"},
        {"mac_mode", "requird", NULL, "did you mean required?"},
        {"mac_mode", "yes", NULL, "write auto, required or no"},
        {"address_families", "", ""},
        {"address_families", "AF_UNIX AF_INET", "AF_UNIX AF_INET"},
        {"address_families", "AF_INET6 AF_LOCAL AF_UNIX", "AF_UNIX AF_INET6"},
        {"address_families", "AF_ROUTE", "AF_NETLINK"},
        {"address_families", "AF_MCTP AF_DECnet", "AF_DECnet AF_MCTP"},
        {"address_families", "~AF_NETLINK AF_UNIX", "~AF_UNIX AF_NETLINK"},
        {"address_families", " none", "none"},
        {"address_families", "none AF_UNIX", NULL, "'none' stands alone"},
        {"address_families", "~", NULL, "the list is empty"},
        {"address_families", "AF_INETT", NULL, "did you mean AF_INET?"},
        {"address_families", "inet6", NULL, "did you mean AF_INET6?"},
        {"address_families", "AF_UNSPEC", NULL, "not an address family"},
        {"address_families", "2", NULL, "not an address family"},
        {"address_families", "AF_UNIX ~AF_INET", NULL, "not an address family"},
        {"socket_binds", "", ""},
        {"socket_binds", "80", "80"},
        {"socket_binds", "tcp:80 udp:53 1024-65535", "tcp:80 udp:53 1024-65535"},
        {"socket_binds", "tcp:80-80 any udp tcp", "tcp:80 any udp tcp"},
        {"socket_binds", "udp:1-65535", "udp:1-65535"}, /* but for 0, which asks for any free port */
        {"socket_binds", "0", NULL, "names no ports"},
        {"socket_binds", "65536", NULL, "names no ports"},
        {"socket_binds", "tcp:", NULL, "names no ports"},
        {"socket_binds", "tcpp", NULL, "names no ports"},
        {"socket_binds", "tcp:any", NULL, "names no ports"},
        {"socket_binds", "80-", NULL, "names no ports"},
        {"socket_binds", "-80", NULL, "names no ports"},
        {"socket_binds", "1-2-3", NULL, "names no ports"},
        {"socket_binds", "81-80", NULL, "ends before it begins"},
        {"socket_binds", "ipv4:tcp:80", NULL, "one address family"},
        {"units", "db.container cache@blue  db", "db cache@blue"},
        {"units", "%N 'a:b_c.d-e'", "web a:b_c.d-e"},
        {"units", "a\\\\x2db", "\"a\\\\x2db\""},
        {"units", "", ""},
        {"units", "odd.target.container", "odd.target.container"},
        {"units", "network-online.target db db.service network-online.target", "db network-online.target db.service"},
        {"units", "getty@tty1.service", "getty@tty1.service"},
        {"units", ".target", NULL, "no unit of systemd"},
        {"units", "getty@.service", NULL, "no unit of systemd"},
        {"units", "a/b.mount", NULL, "no unit of systemd"},
        {"units", "ok db.pod", NULL, "db.pod.container"},
        {"units", "web@", NULL, "is a template"},
        {"units", "web@.container", NULL, "is a template"},
        {"units", "../x", NULL, "no container's name"},
        {"units", "a@b@c", NULL, "no container's name"},
        {"units", "\"\"", NULL, "no container's name"},

        {"restart_policy", "", "no"},
        {"restart_policy", "on-failure", "on-failure"},
        {"restart_policy", "on-faliure", NULL, "did you mean on-failure"},
        {"restart_mode", "", "normal"},
        {"restart_mode", "direct", "direct"},
        {"restart_mode", "debug", NULL, "write normal or direct"},
        {"failure_mode", "", "terminate"},
        {"failure_mode", "kill", "kill"},
        {"failure_mode", "none", NULL, "write terminate, abort or kill"},
        {"kill_mode", "", "mixed"},
        {"kill_mode", "control-group", "control-group"},
        {"kill_mode", "process", NULL, "with its first one"},
        {"kill_mode", "none", NULL, "with its first one"},
        {"kill_mode", "all", NULL, "write mixed or control-group"},
        {"count", "", "0"},
        {"count", "4294967295", "4294967295"},
        {"count", "4294967296", NULL, "is not a number from 0 to 4294967295"},
        {"count", "-1", NULL, "is not a number"},
        {"mac_lost", "", "stop"},
        {"mac_lost", "warn", "warn"},
        {"mac_lost", "kill", NULL, "write stop or warn"},
        {"selinux_context", "", "generated"},
        {"selinux_context", "generated", "generated"},
        {"selinux_context", "system_u:system_r:a.b_t:s0:c1,c2", "system_u:system_r:a.b_t:s0:c1,c2"},
        {"selinux_context", "-u:r:t:s0-s0:c0.c1023", "-u:r:t:s0-s0:c0.c1023"},
        {"selinux_context", "container_t", NULL, "USER:ROLE:TYPE:LEVEL"},
        {"selinux_context", "u:r:t:s0,context=x", NULL, "USER:ROLE:TYPE:LEVEL"},
        {"selinux_context", "u:r:t", NULL, "USER:ROLE:TYPE:LEVEL"},
        {"selinux_level", "s0", "s0"},
        {"selinux_level", "s0:c1,c2", "s0:c1,c2"},
        {"selinux_level", "s0:c1.c5,c7", "s0:c1.c5,c7"},
        {"selinux_level", "s1-s15:c1023", "s1-s15:c1023"},
        {"selinux_level", "s16", NULL, "is not a level"},
        {"selinux_level", "s0:c1024", NULL, "is not a level"},
        {"selinux_level", "s0:c2,c1", NULL, "ascending"},
        {"selinux_level", "s0:c5.c1", NULL, "is not a level"},
        {"selinux_level", "s0:c01", NULL, "is not a level"},
        {"selinux_level", "s0:", NULL, "is not a level"},
        {"selinux_level", "s0-", NULL, "is not a level"},
        {"selinux_level", "SystemHigh", NULL, "is not a level"},
        {"selinux_type", "bulwark_file_t", "bulwark_file_t"},
        {"selinux_type", "9t", NULL, "name of an SELinux type"},
        {"selinux_type", "a_t:s0", NULL, "name of an SELinux type"},
        {"cil", "(allow process a_t (b (c)))", "(allow process a_t (b (c)))"},
        {"cil", "( allow process a_t(b( c d)))  (dontaudit process self (x (y)))",
         "(allow process a_t (b (c d))) (dontaudit process self (x (y)))"},
        {"cil", "(typetransition process t_t file \"a(b\" f_t)", "(typetransition process t_t file \"a(b\" f_t)"},
        {"cil", "(allow init_t a_t (b (c)))", NULL, "own domain"},
        {"cil", "(type process)", NULL, "own domain"},
        {"cil", "(allow process a_t (b (c))", NULL, "balanced"},
        {"cil", "(allow process a_t (b (c))))", NULL, "no CIL"},
        {"cil", "allow process a_t", NULL, "no CIL"},
        {"cil", "(allow process a_t))allow process b_t (c (d)))", NULL, "no CIL"},
        {"cil", "(allow process a_t ; (b (c)))", NULL, "no CIL"},
        {"apparmor_profile", "", "generated"},
        {"apparmor_profile", "generated", "generated"},
        {"apparmor_profile", "unconfined", "unconfined"},
        {"apparmor_profile", "docker-default", "docker-default"},
        {"apparmor_profile", "-/usr/sbin/named", "-/usr/sbin/named"},
        {"apparmor_profile", "parent//child", "parent//child"},
        {"apparmor_profile", ":space:name", ":space:name"},
        {"apparmor_profile", ":space://name", ":space:name"},
        {"apparmor_profile", "-unconfined", NULL, "only the name of a profile can be missing; write unconfined"},
        {"apparmor_profile", "-", NULL, "stands before no name"},
        {"apparmor_profile", "a//&b", NULL, "has a character other than"},
        {"apparmor_profile", "two words", NULL, "has a character other than"},
        {"apparmor_profile", "a{b,c}", NULL, "has a character other than"},
        {"apparmor_profile", ":space:", NULL, "not of the form :NAMESPACE:NAME"},
        {"apparmor_profile", "::name", NULL, "not of the form :NAMESPACE:NAME"},
        {"apparmor_profile", "a:b", NULL, "has a ':' in its midst"},
        {"apparmor_profile", ":space:////name", NULL, "begins with '//'"},
        {"apparmor_profile", "//name", NULL, "begins with '//'"},
        {"apparmor_profile", ":space://", NULL, "not of the form :NAMESPACE:NAME"},
        {"apparmor_profile", "bulwark-web", NULL, "is the name of a profile that Bulwark generates"},
        {"rules", "", ""},
        {"rules", "/x r,", "/x r,"},
        {"rules", "  /x r,  ;  /y w, ; ", "/x r, ; /y w,"},
        {"rules", "/x;y r,", "/x;y r,"},
        {"rules", "/%N/%%n r,", "/web/%%n r,"},
        {"rules", "(allow a b (file (read)))", "(allow a b (file (read)))"},
        {"rules", "a\\", NULL, "must not end in a backslash"},
        {"verify_mode", "", "no"},
        {"verify_mode", "warn", "warn"},
        {"verify_mode", "enforce", "enforce"},
        {"verify_mode", "yes", NULL, "write no, warn or enforce"},
        {"container_type", "exec", "exec"},
        {"container_type", "simple", "simple"},
        {"container_type", "oneshot", "oneshot"},
        {"container_type", "", "exec"},
        {"container_type", "notify", "notify"},
        {"container_type", "notify-reload", NULL, "use notify"},
        {"notify_access", "", ""},
        {"notify_access", "all", "all"},
        {"notify_access", "exec", "exec"},
        {"notify_access", "yes", NULL, "write none, main, exec or all"},
        {"ready_mode", "healthy", "healthy"},
        {"ready_mode", "", "no"},
        {"ready_mode", "yes", NULL, "write no or healthy"},
        {"health_failure", "", "none"},
        {"health_failure", "restart", "restart"},
        {"health_failure", "reboot", NULL, "write none, kill, restart or stop"},
        {"container_type", "forking", NULL, "foreground"},
        {"container_type", "dbus", NULL, "use exec"},
        {"container_type", "idle", NULL, "use exec"},
        {"container_type", "onshot", NULL, "did you mean oneshot"},

        {"exec_list", "/bin/echo a b", "/bin/echo a b"},
        {"exec_list", "-/bin/false", "-/bin/false"},
        {"exec_list", "@/bin/sh -sh -l", "@/bin/sh -sh -l"},
        {"exec_list", ":-/bin/x $A", "-:/bin/x $A"},
        {"exec_list", "nginx -g 'daemon off;'", "nginx -g \"daemon off;\""},
        {"exec_list", "/bin/a ; /bin/b x", "/bin/a ; /bin/b x"},
        {"exec_list", "/bin/a \\; b ';'", "/bin/a \";\" b \";\""},
        {"exec_list", "/bin/a ;", "/bin/a"},
        {"exec_list", "/bin//%N %%d", "/bin/web %%d"},
        {"exec_list", "@/bin/sh /bin/sh", "/bin/sh"},
        {"exec_list", "/bin/a a;b ;c", "/bin/a \"a;b\" \";c\""},
        {"exec_list", "", ""},
        {"exec_list", "+/bin/sh", NULL, "'+' is refused"},
        {"exec_list", "!/bin/sh", NULL, "'!' is refused"},
        {"exec_list", "!!/bin/sh", NULL, "'!!' is refused"},
        {"exec_list", "-+/bin/sh", NULL, "'+' is refused"},
        {"exec_list", "--/bin/sh", NULL, "twice"},
        {"exec_list", "|/bin/sh", NULL, "'|'"},
        {"exec_list", "@/bin/sh", NULL, "'@'"},
        {"exec_list", "bin/sh", NULL, "absolute"},
        {"exec_list", "/bin/../sh", NULL, "'..'"},
        {"exec_list", "/bin/", NULL, "directory"},
        {"exec_list", "/.", NULL, "directory"},
        {"exec_list", "'' x", NULL, "empty"},
        {"exec_list", "-", NULL, "empty"},
        {"exec_list", "; /bin/a", NULL, "before the ';'"},
        {"exec_list", "/bin/a ; ; /bin/b", NULL, "before the ';'"},
        {"exec_list", "/bin/sh -c \"x", NULL, "never closed"},

        {"user", "1000", "1000"},
        {"user", "0", "0"},
        {"user", "4294967294", "4294967294"},
        {"user", "www-data", "www-data"},
        {"user", "_apt", "_apt"},
        {"user", "machine$", "machine$"},
        {"user", "%N", "web"},
        {"user", "", ""},
        {"user", "4294967295", NULL, "no user"},
        {"user", "65535", NULL, "no user"},
        {"user", "4294967296", NULL, "out of range"},
        {"user", "18446744073709551616", NULL, "out of range"},
        {"user", "1000x", NULL, "neither"},
        {"user", "-1", NULL, "neither"},
        {"user", "+1", NULL, "neither"},
        {"user", "0x10", NULL, "neither"},
        {"user", "010", NULL, "leading zero"},
        {"user", "a b", NULL, "not a valid name"},
        {"user", "a:b", NULL, "not a valid name"},
        {"user", "a/b", NULL, "not a valid name"},
        {"user", "$", NULL, "not a valid name"},
        {"users", "1001 video", "1001 video"},
        {"users", "", ""},
        {"users", "1001 65535", NULL, "no user"},
        {"users", "''", NULL, "not a valid name"},

        {"working_directory", "/srv", "/srv"},
        {"working_directory", "-/srv/", "-/srv"},
        {"working_directory", "~", "~"},
        {"working_directory", "-~", "-~"},
        {"working_directory", "", ""},
        {"working_directory", "~/x", NULL, "absolute"},
        {"working_directory", "-", NULL, "absolute"},

        {"environment", "A=1 B=2", "A=1 B=2"},
        {"environment", "\"A=x y\" B=", "\"A=x y\" B="},
        {"environment", "A=1 A=2", "A=2"},
        {"environment", "A=1 AB=3 A=2", "A=2 AB=3"},
        {"environment", "A=\"x y\"", "\"A=x y\""},
        {"environment", "'A=l1\\nl2'", "\"A=l1\\nl2\""},
        {"environment", "A=%N%%", "A=web%%"},
        {"environment", "", ""},
        {"environment", "A", NULL, "NAME=VALUE"},
        {"environment", "1A=x", NULL, "NAME=VALUE"},
        {"environment", "=x", NULL, "no name"},
        {"environment", "A-B=x", NULL, "NAME=VALUE"},
        {"env_names", "PATH A=1", "PATH A=1"},
        {"env_names", "", ""},
        {"env_names", "A-B", NULL, "no variable"},
        {"env_names", "=x", NULL, "no variable"},

        {"paths", "/a -/b +/c -+/d", "/a -/b /c -/d"},
        {"paths", "'/a b' /x//y/", "\"/a b\" /x/y"},
        {"paths", "", ""},
        {"paths", "a", NULL, "absolute"},
        {"paths", "/a/../b", NULL, "'..'"},
        {"paths", "+-/d", NULL, "absolute"},

        {"output", "null", "null"},
        {"output", "journal", "journal"},
        {"output", "inherit", "inherit", NULL, "StandardError"},
        {"output", "file:/var/log/a b", "file:/var/log/a b"},
        {"output", "append:/%N", "append:/web"},
        {"output", "truncate:/x", "truncate:/x"},
        {"output", "", ""},
        {"output", "inherit", NULL, "StandardError=", "StandardOutput"},
        {"output", "file:x", NULL, "absolute"},
        {"output", "file:", NULL, "absolute"},
        {"output", "nullx", NULL, "did you mean null"},
        {"output", "syslog", NULL, "use journal"},
        {"output", "tty", NULL, "not supported yet"},
        {"output", "fd:stdout", NULL, "not supported yet"},

        {"exit_statuses", "3 1 SIGUSR1", "1 3 SIGUSR1"},
        {"exit_statuses", "TEMPFAIL 255 0 RTMIN+2", "0 75 255 SIGRTMIN+2"},
        {"exit_statuses", "", ""},
        {"exit_statuses", "256", NULL, "0 to 255"},
        {"exit_statuses", "-1", NULL, "neither"},
        {"exit_statuses", "SIGUSR3", NULL, "did you mean SIGUSR"},

        {"binds", "/a", "/a:/a"},
        {"binds", "/a:/b", "/a:/b"},
        {"binds", "-/a:/b:norbind", "-/a:/b:norbind"},
        {"binds", "/a:/b:rbind,noidmap,noexec", "/a:/b:noidmap,noexec"},
        {"binds", "/a::norbind", "/a:/a:norbind"},
        {"binds", "/a\\:b:/c", "/a\\:b:/c"},
        {"binds", "\"/a b:/c d\"", "/a\\x20b:/c\\x20d"},
        {"binds", "/%N:/50%% /x", "/web:/50%% /x:/x"},
        {"binds", "/a:/b:exec,idmap", "/a:/b"},
        {"binds", "", ""},
        {"binds", "a:/b", NULL, "absolute"},
        {"binds", "/a:b", NULL, "absolute"},
        {"binds", "/a:/", NULL, "RootDirectory="},
        {"binds", "/", NULL, "RootDirectory="},
        {"binds", "/a:/b:ro", NULL, "BindReadOnlyPaths="},
        {"binds", "/a:/b:norbnd", NULL, "did you mean norbind"},
        {"binds", "/a:/b:rbind:x", NULL, "too many colons"},
        {"binds", ":/b", NULL, "absolute"},
        {"binds", "/a\\q", NULL, "unknown escape"},

        {"tmpfs", "/tmp", "/tmp"},
        {"tmpfs", "/tmp:size=10M,mode=1777", "/tmp:size=10485760,mode=1777"},
        {"tmpfs", "/t:size=10m,nr_inodes=2k", "/t:size=10485760,nr_inodes=2048"},
        {"tmpfs", "/t:size=10%", "/t:size=10%"},
        {"tmpfs", "/t:size=100%,ro,noexec", "/t:size=100%,ro,noexec"},
        {"tmpfs", "/t:rw,nosuid,nodev,exec,mode=0", "/t:mode=0000"},
        {"tmpfs", "/t%N:ro /u", "/tweb:ro /u"},
        {"tmpfs", "", ""},
        {"tmpfs", "t", NULL, "absolute"},
        {"tmpfs", "/", NULL, "RootDirectory="},
        {"tmpfs", "/t:size=0", NULL, "not a size"},
        {"tmpfs", "/t:size=101%", NULL, "not a size"},
        {"tmpfs", "/t:size=0%", NULL, "whole percentage"},
        {"tmpfs", "/t:size=12.5%", NULL, "whole percentage"},
        {"tmpfs", "/t:nr_inodes=0", NULL, "number of files"},
        {"tmpfs", "/t:mode=999", NULL, "octal"},
        {"tmpfs", "/t:mode=17777", NULL, "out of range"},
        {"tmpfs", "/t:suid", NULL, "nosuid"},
        {"tmpfs", "/t:uid=0", NULL, "not an option"},
        {"tmpfs", "/t:ro:rw", NULL, "too many colons"},

        {"private_users", "yes", "managed"},
        {"private_users", "managed", "managed"},
        {"private_users", "pick", "managed"},
        {"private_users", "", "managed"},
        {"private_users", "no", "no"},
        {"private_users", "identity", "identity"},
        {"private_users", "1000000", "1000000:65536"},
        {"private_users", "65536:1", "65536:1"},
        {"private_users", "4294967294:1", "4294967294:1"},
        {"private_users", "65536:4294901759", "65536:4294901759"},
        {"private_users", "65535:65536", NULL, "host's own users"},
        {"private_users", "1000000:0", NULL, "count from 1"},
        {"private_users", "4294967294:2", NULL, "4294967294"},
        {"private_users", "65536:4294901760", NULL, "4294967294"},
        {"private_users", "4294967295:1", NULL, "4294967294"},
        {"private_users", "4294967296:1", NULL, "4294967294"},
        {"private_users", "1000000:x", NULL, "BASE:COUNT"},
        {"private_users", "1000000:1:2", NULL, "BASE:COUNT"},
        {"private_users", "100000 ", NULL, "BASE:COUNT"},
        {"private_users", "self", NULL, "host's own root"},
        {"private_users", "idenity", NULL, "did you mean identity"},

        {"capability_set", "CAP_CHOWN cap_kill", "CAP_CHOWN CAP_KILL"},
        {"capability_set", "0 CAP_CHECKPOINT_RESTORE", "CAP_CHOWN CAP_CHECKPOINT_RESTORE"},
        {"capability_set", "~", "~"},
        {"capability_set", "", "none"},
        {"capability_set", "none", "none"},
        {"capability_set", "CHOWN", NULL, "did you mean CAP_CHOWN"},
        {"capability_set", "CAP_SYS_ADMN", NULL, "did you mean CAP_SYS_ADMIN"},
        {"capability_set", "41", NULL, "not a capability"},
        {"capability_set", "CAP_CHOWN ~CAP_KILL", NULL, "not a capability"},
        {"capability_list", "CAP_NET_RAW CAP_CHOWN CAP_NET_RAW", "CAP_NET_RAW CAP_CHOWN"},
        {"capability_list", "", ""},
        {"capability_list", "~CAP_CHOWN", NULL, "DropCapability="},
        {"capability_list", "CAP_FOO", NULL, "not a capability"},

        {"syscall_error", "EPERM", "EPERM"},
        {"syscall_error", "1", "EPERM"},
        {"syscall_error", "EWOULDBLOCK", "EAGAIN"},
        {"syscall_error", "4095", "4095"},
        {"syscall_error", "kill", "kill"},
        {"syscall_error", "", ""},
        {"syscall_error", "0", NULL, "succeeded"},
        {"syscall_error", "4096", NULL, "out of range"},
        {"syscall_error", "EPERMX", NULL, "not an error"},

        {"syscall_filter", "@system-service mount", "@system-service mount"},
        {"syscall_filter", "~@mount reboot:EACCES", "~@mount reboot:EACCES"},
        {"syscall_filter", "nanosleep:kill x:4000", "nanosleep:kill x:4000"},
        {"syscall_filter", "@clock ; ~@mount ; read", "@clock ; ~@mount ; read"},
        {"syscall_filter", "a ; b", "a b"},
        {"syscall_filter", "", ""},
        {"syscall_filter", "~", NULL, "list is empty"},
        {"syscall_filter", "a ; ; b", NULL, "list is empty"},
        {"syscall_filter", "a ~b", NULL, "whole list"},
        {"syscall_filter", "@mont", NULL, "did you mean @mount"},
        {"syscall_filter", "read:EFOO", NULL, "not an error"},
        {"syscall_filter", "read:0", NULL, "succeeded"},
        {"syscall_filter", "Read", NULL, "not a system call"},
        {"syscall_filter", ":EPERM", NULL, "not a system call"},

        {"memory_limit", "64M", "64M"},
        {"memory_limit", "67108864", "64M"},
        {"memory_limit", "1.5G", "1536M"},
        {"memory_limit", "1G 512M", "1536M"},
        {"memory_limit", "1000", "1000"},
        {"memory_limit", "10%", "10%"},
        {"memory_limit", "12.5%", "12.5%"},
        {"memory_limit", "0.01%", "0.01%"},
        {"memory_limit", "infinity", "infinity"},
        {"memory_limit", "15E", "15E"},
        {"memory_limit", "", ""},
        {"memory_limit", "0", NULL, "limit of 0"},
        {"memory_limit", "0%", NULL, "limit of 0"},
        {"memory_limit", "101%", NULL, "at most 100%"},
        {"memory_limit", "16E", NULL, "amount of memory"},
        {"memory_limit", "-1", NULL, "amount of memory"},
        {"memory_limit", "64MiB", NULL, "amount of memory"},
        {"memory_limit", "512M 1G", NULL, "amount of memory"},
        {"memory_limit", "18446744073709551615", NULL, "amount of memory"},
        {"tasks_limit", "64", "64"},
        {"tasks_limit", "33%", "33%"},
        {"tasks_limit", "infinity", "infinity"},
        {"tasks_limit", "", ""},
        {"tasks_limit", "0", NULL, "number from 1"},
        {"tasks_limit", "1K", NULL, "number from 1"},
        {"tasks_limit", "200%", NULL, "number from 1"},
        {"cpu_quota", "50%", "50%"},
        {"cpu_quota", "200%", "200%"},
        {"cpu_quota", "0.5%", "0.5%"},
        {"cpu_quota", "infinity", "infinity"},
        {"cpu_quota", "", ""},
        {"cpu_quota", "0%", NULL, "share of CPU"},
        {"cpu_quota", "50", NULL, "share of CPU"},
        {"cpu_quota", "50 %", NULL, "share of CPU"},
        {"cpu_quota", "99999999999%", NULL, "share of CPU"},
        {"cpu_weight", "1", "1"},
        {"cpu_weight", "10000", "10000"},
        {"cpu_weight", "idle", "idle"},
        {"cpu_weight", "", ""},
        {"cpu_weight", "0", NULL, "1 to 10000"},
        {"cpu_weight", "10001", NULL, "1 to 10000"},
        {"io_weight", "50", "50"},
        {"io_weight", "", ""},
        {"io_weight", "idle", NULL, "1 to 10000"},
};

static void value_done(const ValueType *t, AnyValue *v) {
        if (t->done)
                t->done(v);
}

/* The shape that the bus room relies on. */
static void check_explode(const ValueType *t, const AnyValue *v, const char *text) {
        _cleanup_strv_ char **l = NULL;
        size_t n;

        assert_int_equal(t->explode(v, &l), 0);
        n = strv_length(l);
        for (size_t i = 0; i < n; i++)
                assert_true(utf8_valid(l[i], strlen(l[i])));
        if (strchr("stbiu", t->signature[0]) && !t->signature[1]) {
                if (n != 1)
                        fail_msg("%s '%s': %zu strings for one value", t->name, text, n);
                if (t->signature[0] != 's')
                        assert_true(*l[0] && strspn(l[0], "0123456789") == strlen(l[0]));
        } else if (streq(t->signature, "a(ss)"))
                assert_int_equal(n % 2, 0);
        else
                assert_string_equal(t->signature, "as");
}

static void check_round_trip(const ValueType *t, const ValueContext *c, const char *text) {
        _cleanup_free_ char *again = NULL;
        AnyValue v = {};

        assert_int_equal(t->parse(c, text, &v), 0);
        assert_int_equal(t->print(&v, &again), 0);
        assert_string_equal(again, text);
        value_done(t, &v);
}

static void check_row(const Row *row) {
        const ValueType *t = value_type_find(row->type);
        _cleanup_(diag_done) Diag diag = {};
        ValueContext c = {.diag = &diag,
                          .origin = {"unit", 7},
                          .directive = row->directive ? row->directive : "X",
                          .expand = test_expand};
        _cleanup_free_ char *printed = NULL, *words = NULL;
        AnyValue v = {};
        int r;

        assert_non_null(t);
        r = t->parse(&c, row->text, &v);
        words = diag_to_string(&diag, true);
        if (!row->printed) {
                if (r >= 0 || !strstr(words, row->words) || !startswith(words, "unit:7: "))
                        fail_msg("%s '%s': answered %d '%s', not '%s'", row->type, row->text, r, words,
                                 row->words);
                value_done(t, &v);
                return;
        }
        if (r < 0)
                fail_msg("%s '%s': refused: %s", row->type, row->text, words);
        assert_int_equal(t->print(&v, &printed), 0);
        if (!streq(printed, row->printed))
                fail_msg("%s '%s': printed '%s', not '%s'", row->type, row->text, printed, row->printed);
        check_explode(t, &v, row->text);
        value_done(t, &v);

        check_round_trip(t, &c, printed);
        c.expand = NULL;
        check_round_trip(t, &c, printed);
}

static void test_rows(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                check_row(&rows[i]);
}

/* A type without both a good and a bad row is not tested. */
static void test_every_type_has_rows(void **state) {
        for (size_t i = 0; i < value_types_count(); i++) {
                const ValueType *t = value_types[i];
                bool good = false, bad = false;

                assert_ptr_equal(value_type_find(t->name), t);
                assert_true(*t->syntax && t->size <= sizeof(AnyValue));
                for (size_t k = 0; k < ELEMENTSOF(rows); k++)
                        if (streq(rows[k].type, t->name))
                                *(rows[k].printed ? &good : &bad) = true;
                if (!good || !bad)
                        fail_msg("%s has no good or no bad row", t->name);
        }
        assert_null(value_type_find("no such type"));
}

static void test_completion_words_parse(void **state) {
        for (size_t i = 0; i < value_types_count(); i++)
                for (const char *const *w = value_types[i]->words; w && *w; w++) {
                        ValueContext c = {.directive = "StandardError"};
                        AnyValue v = {};

                        if (endswith(*w, ":"))
                                continue; /* the beginning of a value */
                        assert_int_equal(value_types[i]->parse(&c, *w, &v), 0);
                        value_done(value_types[i], &v);
                }
}

/* Several assignments: what a list, and the reset of one, makes of them. */
static const struct {
        const char *type, *directive, *texts[4], *printed;
} merges[] = {
        {"address_families", "X", {"AF_UNIX", "AF_INET"}, "AF_UNIX AF_INET"},
        {"address_families", "X", {"AF_UNIX AF_INET", "~AF_INET"}, "AF_UNIX"},
        {"address_families", "X", {"AF_UNIX", "~AF_UNIX"}, "none"},
        {"address_families", "X", {"~AF_NETLINK", "~AF_UNIX"}, "~AF_UNIX AF_NETLINK"},
        {"address_families", "X", {"~AF_NETLINK AF_UNIX", "AF_UNIX"}, "~AF_NETLINK"},
        {"address_families", "X", {"~AF_NETLINK", "AF_NETLINK"}, ""},
        {"address_families", "X", {"none", "AF_UNIX"}, "AF_UNIX"},
        {"address_families", "X", {"AF_UNIX", "none"}, "none"},
        {"address_families", "X", {"AF_UNIX", ""}, ""},
        {"socket_binds", "X", {"tcp:80", "udp"}, "tcp:80 udp"},
        {"socket_binds", "X", {"tcp:80", "", "any"}, "any"},
        {"words", "X", {"a", "b c"}, "a b c"},
        {"words", "X", {"a", "", "b"}, "b"},
        {"environment", "X", {"A=1 B=2", "A=3"}, "A=3 B=2"},
        {"exec_list", "X", {"/a", "/b"}, "/a ; /b"},
        {"exec_list", "X", {"/a", "", "/b"}, "/b"},
        {"binds", "X", {"/a", "", "/b"}, "/b:/b"},
        {"tmpfs", "X", {"/a", "/b"}, "/a /b"},
        {"paths", "X", {"/a", ""}, ""},
        {"exit_statuses", "X", {"1", "2 SIGHUP"}, "1 2 SIGHUP"},
        {"exit_statuses", "X", {"1", "", "2"}, "2"},
        {"syscall_filter", "X", {"@a", NULL}, NULL},
        {"syscall_filter", "X", {"@clock", "~mount", "~umount2"}, "@clock ; ~mount umount2"},
        {"syscall_filter", "X", {"~mount", "", "read"}, "read"},
        {"string", "X", {"a", "b"}, "b"},
        {"path", "X", {"/a", ""}, ""},
        {"capability_list", "X", {"CAP_KILL", "CAP_CHOWN CAP_KILL"}, "CAP_KILL CAP_CHOWN"},
        {"capability_list", "X", {"all", ""}, ""},
        /* systemd.exec(5): OR of plain lists, AND NOT of inverted ones */
        {"capability_set", "CapabilityBoundingSet", {"CAP_CHOWN", "CAP_KILL"}, "CAP_CHOWN CAP_KILL"},
        {"capability_set", "CapabilityBoundingSet", {"CAP_CHOWN CAP_KILL", "~CAP_KILL"}, "CAP_CHOWN"},
        {"capability_set", "CapabilityBoundingSet", {"CAP_CHOWN", "~CAP_CHOWN"}, "none"},
        {"capability_set", "CapabilityBoundingSet", {"CAP_CHOWN", "", "CAP_KILL"}, "CAP_KILL"},
        {"capability_set", "CapabilityBoundingSet", {"CAP_CHOWN", "~"}, "~"},
        {"capability_set", "CapabilityBoundingSet", {"~", "CAP_KILL"}, "CAP_KILL"},
        {"capability_set", "CapabilityBoundingSet", {"", "~CAP_KILL"}, "none"},
        {"capability_set", "AmbientCapabilities", {"CAP_CHOWN", "CAP_KILL"}, "CAP_CHOWN CAP_KILL"},
        {"capability_set", "AmbientCapabilities", {"CAP_CHOWN CAP_KILL", "~CAP_CHOWN"}, "CAP_KILL"},
};

static void test_merges(void **state) {
        for (size_t i = 0; i < ELEMENTSOF(merges); i++) {
                const ValueType *t = value_type_find(merges[i].type);
                ValueContext c = {.directive = merges[i].directive};
                _cleanup_free_ char *printed = NULL;
                AnyValue v = {};
                int r = 0;

                for (size_t k = 0; k < 4 && merges[i].texts[k]; k++)
                        r |= t->parse(&c, merges[i].texts[k], &v);
                if (merges[i].printed) {
                        assert_int_equal(r, 0);
                        assert_int_equal(t->print(&v, &printed), 0);
                        assert_string_equal(printed, merges[i].printed);
                } else
                        assert_true(r < 0);
                value_done(t, &v);
        }
}

/* Inverted once: everything else, to the last bit. */
static void test_inverted_set(void **state) {
        ValueContext c = {.directive = "CapabilityBoundingSet"};
        value_capability_set set = {};

        assert_int_equal(value_type_capability_set.parse(&c, "~CAP_CHOWN CAP_CHECKPOINT_RESTORE", &set), 0);
        assert_true(set.mask == (CAPABILITY_MASK_ALL & ~(UINT64_C(1) | UINT64_C(1) << 40)));
        assert_true(set.set);
}

static void test_all_mistakes_at_once(void **state) {
        _cleanup_(diag_done) Diag diag = {};
        ValueContext c = {.diag = &diag, .directive = "X"};
        value_paths v = {};

        assert_true(value_type_paths.parse(&c, "a /b c /d/..", &v) < 0);
        assert_int_equal(diag.n_errors, 3);
        value_type_paths.done(&v);
}

static void test_bounded(void **state) {
        _cleanup_free_ char *text = malloc(5 * 5000 + 1);
        _cleanup_(diag_done) Diag diag = {};
        ValueContext c = {.diag = &diag, .directive = "X"};
        value_words v = NULL;

        assert_non_null(text);
        for (size_t i = 0; i < 5000; i++)
                memcpy(text + 5 * i, "word ", 6);
        assert_true(value_type_words.parse(&c, text, &v) < 0);
        assert_int_equal(diag.n_errors, 1);
        value_type_words.done(&v);

        for (size_t i = 0; i < 5000; i++)
                memcpy(text + 5 * i, "wo/d ", 6);
        diag_done(&diag);
        assert_true(value_type_paths.parse(&c, text, &(value_paths){}) < 0);
        assert_true(diag.n_errors < 100);
}

/* A message repeats the unit's text: it must not carry what steers a terminal, nor cut a character in two.
 */
static void test_message_is_plain(void **state) {
        char text[2000];
        _cleanup_(diag_done) Diag diag = {};
        ValueContext c = {.diag = &diag, .directive = "X"};
        value_user v = NULL;

        assert_true(value_type_users.parse(&c, "'\\x1b[2Jred'", &(value_users){NULL}) < 0);
        assert_null(strchr(diag.entries[0].text, 0x1b));
        for (size_t i = 0; i < sizeof(text) - 2; i += 2)
                memcpy(text + i, "\xc3\xa9", 3);
        assert_true(value_type_user.parse(&c, text, &v) < 0);
        assert_true(strlen(diag.entries[1].text) < 700);
        assert_true(utf8_valid(diag.entries[1].text, strlen(diag.entries[1].text)));
}

static void test_names(void **state) {
        for (unsigned i = 0; i < 41; i++)
                assert_int_equal(capability_from_string(capability_to_string(i)), i);
        assert_null(capability_to_string(41));
        for (int i = 1; i <= 64; i++)
                if (i != 32 && i != 33)
                        assert_int_equal(signal_from_string(signal_to_string(i)), i);
        assert_null(signal_to_string(0));
        assert_null(signal_to_string(32));
        assert_null(signal_to_string(-1));
        assert_null(signal_to_string(65));
        for (int i = 1; i < 134; i++)
                if (errno_to_string(i))
                        assert_int_equal(errno_from_string(errno_to_string(i)), i);
        assert_null(errno_to_string(0));
        assert_true(errno_from_string("EFOO") < 0);
        for (int i = 0; i < _CONTAINER_TYPE_MAX; i++)
                assert_non_null(container_type_to_string((ContainerType)i));
        assert_null(container_type_to_string(_CONTAINER_TYPE_MAX));
        for (int i = 0; i < _PRIVATE_USERS_MAX; i++)
                assert_non_null(private_users_mode_to_string((PrivateUsersMode)i));
}

static void test_quote(void **state) {
        char word[256];

        for (int i = 1; i < 256; i++)
                word[i - 1] = (char)(i < 128 ? i : 'x');
        word[255] = 0;
        for (size_t from = 0; from < sizeof(word); from++) {
                _cleanup_free_ char *quoted = value_quote(word + from), *back = NULL, *end = NULL;
                ValueContext c = {};
                const char *p = quoted;

                assert_non_null(quoted);
                assert_false(strpbrk(quoted, "\n\r"));
                assert_int_equal(value_next_word(&c, &p, &back), 0);
                assert_string_equal(back, word + from);
                assert_int_equal(value_next_word(&c, &p, &end), 0);
                assert_null(end);
        }
}

static void test_colon(void **state) {
        static const char *const expected[] = {"a:b", "", "c d", ""};
        const char *p = "a\\:b::\"c d\":";
        ValueContext c = {};
        char *piece;

        for (size_t i = 0; i < ELEMENTSOF(expected); i++) {
                assert_int_equal(value_next_colon(&c, &p, &piece), 0);
                assert_string_equal(piece, expected[i]);
                free(piece);
        }
        assert_int_equal(value_next_colon(&c, &p, &piece), 0);
        assert_null(piece);
}

static void test_text(void **state) {
        static const char *const words[] = {"managed", "identity", "pick", NULL};
        static const struct {
                const char *s;
                bool valid;
        } utf8[] = {
                {"plain", true},
                {"\xc3\xa9", true},
                {"\xe2\x82\xac", true},
                {"\xf0\x9f\x98\x80", true},
                {"\xc0\x80", false},
                {"\xc3", false},
                {"\x80", false},
                {"\xed\xa0\x80", false},
                {"\xf4\x90\x80\x80", false},
                {"\xe0\x80\x80", false},
                {"\xff", false},
                {"\xf4\x8f\xbf\xbf", true},
        };
        uint64_t n;

        for (size_t i = 0; i < ELEMENTSOF(utf8); i++)
                assert_int_equal(utf8_valid(utf8[i].s, strlen(utf8[i].s)), utf8[i].valid);
        assert_false(utf8_valid("a\0b", 3));
        assert_string_equal(text_nearest("Mnaaged", words), "managed");
        assert_null(text_nearest("wholly else", words));
        assert_int_equal(text_distance("ab", "ba", 3), 1);
        assert_int_equal(parse_u64("18446744073709551615", &n), 0);
        assert_int_equal(parse_u64("18446744073709551616", &n), -ERANGE);
        assert_int_equal(parse_u64("01", &n), -EINVAL);
        assert_int_equal(parse_u64("", &n), -EINVAL);
        assert_int_equal(parse_u64(" 1", &n), -EINVAL);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_rows),
                cmocka_unit_test(test_every_type_has_rows),
                cmocka_unit_test(test_completion_words_parse),
                cmocka_unit_test(test_merges),
                cmocka_unit_test(test_inverted_set),
                cmocka_unit_test(test_all_mistakes_at_once),
                cmocka_unit_test(test_bounded),
                cmocka_unit_test(test_message_is_plain),
                cmocka_unit_test(test_names),
                cmocka_unit_test(test_quote),
                cmocka_unit_test(test_colon),
                cmocka_unit_test(test_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
