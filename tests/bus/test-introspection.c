/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the running service says of itself is what the XML in interfaces/ says, in full and in both directions: names,
 * types, directions, names of arguments, access, annotations. */
#include <string.h>

#include "fixture.h"

/* Those that only the code generator reads: they are not on the wire. */
static bool annotation_is_live(const GDBusAnnotationInfo *annotation) {
        return !g_str_has_prefix(annotation->key, "org.gtk.GDBus.");
}

static void print_annotations(GString *out, GDBusAnnotationInfo **annotations) {
        for (size_t i = 0; annotations && annotations[i]; i++)
                if (annotation_is_live(annotations[i]))
                        g_string_append_printf(out, " [%s=%s]", annotations[i]->key, annotations[i]->value);
}

static void print_arguments(GString *out, const char *direction, GDBusArgInfo **arguments) {
        for (size_t i = 0; arguments && arguments[i]; i++) {
                g_string_append_printf(out, " %s %s %s", direction, arguments[i]->signature,
                        arguments[i]->name ? arguments[i]->name : "-");
                print_annotations(out, arguments[i]->annotations);
        }
}

static int by_text(gconstpointer a, gconstpointer b) {
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* One line a member, sorted: sd-bus gives members in its own order. */
static char *print_interface(const GDBusInterfaceInfo *interface) {
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
        GString *out;

        for (size_t i = 0; interface->methods && interface->methods[i]; i++) {
                out = g_string_new(NULL);
                g_string_printf(out, "method %s", interface->methods[i]->name);
                print_arguments(out, "in", interface->methods[i]->in_args);
                print_arguments(out, "out", interface->methods[i]->out_args);
                print_annotations(out, interface->methods[i]->annotations);
                g_ptr_array_add(lines, g_string_free(out, FALSE));
        }
        for (size_t i = 0; interface->signals && interface->signals[i]; i++) {
                out = g_string_new(NULL);
                g_string_printf(out, "signal %s", interface->signals[i]->name);
                print_arguments(out, "out", interface->signals[i]->args);
                print_annotations(out, interface->signals[i]->annotations);
                g_ptr_array_add(lines, g_string_free(out, FALSE));
        }
        for (size_t i = 0; interface->properties && interface->properties[i]; i++) {
                out = g_string_new(NULL);
                g_string_printf(out, "property %s %s access %u", interface->properties[i]->name,
                        interface->properties[i]->signature, interface->properties[i]->flags);
                print_annotations(out, interface->properties[i]->annotations);
                g_ptr_array_add(lines, g_string_free(out, FALSE));
        }
        g_ptr_array_sort(lines, by_text);
        g_ptr_array_add(lines, NULL);
        return g_strjoinv("\n", (char **)lines->pdata);
}

static GDBusNodeInfo *introspect(Fixture *fixture, const char *path) {
        g_autoptr(GVariant) reply = NULL;
        g_autoptr(GError) error = NULL;
        GDBusNodeInfo *node;
        const char *xml;

        reply = g_dbus_connection_call_sync(fixture->connection, IPCBUS_BUS_NAME, path,
                "org.freedesktop.DBus.Introspectable", "Introspect", NULL, G_VARIANT_TYPE("(s)"),
                G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
        g_assert_no_error(error);
        g_variant_get(reply, "(&s)", &xml);
        node = g_dbus_node_info_new_for_xml(xml, &error);
        g_assert_no_error(error);
        return node;
}

static void compare(Fixture *fixture, const char *path, const char *name) {
        g_autofree char *file = g_strdup_printf("%s/%s.xml", g_getenv("IPCBUS_INTERFACES"), name);
        g_autofree char *xml = NULL, *wanted = NULL, *seen = NULL;
        g_autoptr(GDBusNodeInfo) contract = NULL, live = NULL;
        GDBusInterfaceInfo *interface;
        g_autoptr(GError) error = NULL;

        g_file_get_contents(file, &xml, NULL, &error);
        g_assert_no_error(error);
        contract = g_dbus_node_info_new_for_xml(xml, &error);
        g_assert_no_error(error);
        wanted = print_interface(g_dbus_node_info_lookup_interface(contract, name));

        live = introspect(fixture, path);
        interface = g_dbus_node_info_lookup_interface(live, name);
        g_assert_nonnull(interface);
        seen = print_interface(interface);
        g_assert_cmpstr(seen, ==, wanted);
}

static void assert_interfaces(Fixture *fixture, const char *path, const char *const *names) {
        g_autoptr(GDBusNodeInfo) live = introspect(fixture, path);
        size_t n = 0;

        for (size_t i = 0; live->interfaces[i]; i++)
                if (g_str_has_prefix(live->interfaces[i]->name, "org.ipcbus1.")) {
                        g_assert_true(g_strv_contains(names, live->interfaces[i]->name));
                        n++;
                }
        g_assert_cmpuint(n, ==, g_strv_length((char **)names));
        for (size_t i = 0; names[i]; i++)
                compare(fixture, path, names[i]);
}

static void test_manager(Fixture *fixture, gconstpointer data) {
        static const char *const names[] = { IPCBUS_INTERFACE_MANAGER, NULL };

        assert_interfaces(fixture, IPCBUS_PATH, names);
}

/* One object of each kind: all interfaces that it says it has, and no other. */
static void test_kind(Fixture *fixture, const char *kind) {
        g_autofree char *path = NULL, *address = NULL;
        g_autoptr(GVariant) description = NULL;
        g_autofree const char **interfaces = NULL;
        g_autoptr(GPtrArray) names = g_ptr_array_new();
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_describe_kind_sync(fixture->manager, kind, PLAINLY, &description, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(g_variant_lookup(description, "interfaces", "^a&s", &interfaces));
        g_ptr_array_add(names, (gpointer)IPCBUS_INTERFACE_KERNEL_OBJECT);
        for (size_t i = 0; interfaces[i]; i++)
                g_ptr_array_add(names, (gpointer)interfaces[i]);
        g_ptr_array_add(names, NULL);

        address = fixture_make(fixture, kind, &path);
        assert_interfaces(fixture, path, (const char *const *)names->pdata);
        ipcbus_manager_call_remove_sync(fixture->manager, address, PLAINLY, NULL, &error);
        g_assert_no_error(error);
}

static void test_objects(Fixture *fixture, gconstpointer data) {
        g_auto(GStrv) kinds = NULL;
        g_autoptr(GError) error = NULL;

        ipcbus_manager_call_list_kinds_sync(fixture->manager, PLAINLY, &kinds, NULL, &error);
        g_assert_no_error(error);
        for (size_t i = 0; kinds[i]; i++) {
                g_test_message("%s", kinds[i]);
                test_kind(fixture, kinds[i]);
        }
}

/* A running job is there at once and has the interface before it has done anything. */
static void test_job(Fixture *fixture, gconstpointer data) {
        static const char *const kinds[] = { "pipe", NULL }, *const names[] = { IPCBUS_INTERFACE_JOB, NULL };
        g_autoptr(GError) error = NULL;
        g_autofree char *job = NULL;

        ipcbus_manager_call_test_sync(fixture->manager, kinds, NO_OPTIONS, PLAINLY, &job, NULL, &error);
        g_assert_no_error(error);
        assert_interfaces(fixture, job, names);
        WAIT_UNTIL(fixture_saw(fixture, "Finished("));
}

int main(int argc, char *argv[]) {
        g_test_init(&argc, &argv, NULL);
        FIXTURE_TEST("/introspection/manager", NULL, test_manager);
        FIXTURE_TEST("/introspection/objects", NULL, test_objects);
        FIXTURE_TEST("/introspection/job", NULL, test_job);
        return g_test_run();
}
