/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcctl list: the kernel objects of the machine, whoever made them. One table of columns: heading, what it sorts by,
 * how it is shown. */
#include "cli.h"

#include <string.h>

#include "attributes.h"
#include "connection.h"
#include "errors.h"
#include "json.h"
#include "kind.h"
#include "option.h"
#include "options.h"
#include "output.h"
#include "table.h"
#include "units.h"

static gboolean opt_mine;
static char *opt_pid, *opt_uid, *opt_sort, *opt_columns;

static const GOptionEntry entries[] = {
        { "mine", 0, 0, G_OPTION_ARG_NONE, &opt_mine, "Only what was made or adopted through this service", NULL },
        { "pid", 0, 0, G_OPTION_ARG_FILENAME, &opt_pid, "Only what this process holds", "PID" },
        { "uid", 0, 0, G_OPTION_ARG_FILENAME, &opt_uid, "Only what belongs to this user", "USER" },
        { "sort", 0, 0, G_OPTION_ARG_FILENAME, &opt_sort, "Sort by this column; -COLUMN the other way round",
                "COLUMN" },
        { "columns", 0, 0, G_OPTION_ARG_FILENAME, &opt_columns, "Show these columns", "A,B..." },
        { NULL },
};

typedef struct Column {
        const char *name;
        const char *key;
        bool right;
        bool standard;
        char *(*text)(GVariant *row); /* NULL: attribute_text() of the key */
} Column;

static char *age_text(GVariant *row) {
        uint64_t created = 0, now = (uint64_t)g_get_real_time();
        char buffer[UNITS_TEXT_MAX];

        if (!attribute_number(row, "created", &created) || created == 0)
                return NULL;
        return g_strdup(time_print(now > created ? now - created : 0, buffer));
}

static const Column columns[] = {
        { "ADDRESS", "address", false, true, NULL },
        { "KIND", "kind", false, false, NULL },
        { "OWNER", "uid", false, true, NULL },
        { "GROUP", "gid", true, false, NULL },
        { "MODE", "mode", false, false, NULL },
        { "SIZE", "size", true, true, NULL },
        { "USED", "used", true, true, NULL },
        { "MESSAGES", "messages", true, false, NULL },
        { "HELD-BY", "holders", false, true, holders_text },
        { "AGE", "created", true, true, age_text },
        { "CREATED", "created", false, false, NULL },
        { "STATE", "state", false, true, NULL },
        { "OURS", "ours", false, true, NULL },
};

static const Column *column_find(const char *name) {
        const char *names[G_N_ELEMENTS(columns)];
        g_autofree char *upper = g_ascii_strup(name, -1);

        for (size_t i = 0; i < G_N_ELEMENTS(columns); i++) {
                names[i] = columns[i].name;
                if (strcmp(columns[i].name, upper) == 0)
                        return &columns[i];
        }
        const char *near = nearest_word(upper, names, G_N_ELEMENTS(columns));
        if (near != NULL)
                say("there is no column \"%s\"; did you mean %s?", name, near);
        else
                say("there is no column \"%s\"; \"ipcctl list --help\" lists them", name);
        return NULL;
}

static char *cell_text(const Column *column, GVariant *row) {
        g_autoptr(GVariant) value = NULL;

        if (column->text != NULL)
                return column->text(row);
        value = g_variant_lookup_value(row, column->key, NULL);
        return value != NULL ? attribute_text(column->key, value) : NULL;
}

typedef struct Order {
        const Column *column;
        bool backwards;
} Order;

static int compare_rows(gconstpointer a, gconstpointer b, gpointer userdata) {
        GVariant *x = *(GVariant *const *)a, *y = *(GVariant *const *)b;
        const Order *order = userdata;
        uint64_t nx = 0, ny = 0;
        bool has_x = attribute_number(x, order->column->key, &nx),
             has_y = attribute_number(y, order->column->key, &ny);
        int result;

        if (has_x && has_y) {
                result = nx < ny ? -1 : nx > ny;
                /* The oldest has the smallest time of creation and the greatest age. */
                if (order->column->text == age_text)
                        result = -result;
        } else if (has_x != has_y) {
                return has_x ? -1 : 1; /* unknown comes last either way */
        } else {
                g_autofree char *tx = cell_text(order->column, x), *ty = cell_text(order->column, y);
                result = g_strcmp0(tx, ty);
        }
        return order->backwards ? -result : result;
}

static ExitCode sort_rows(GPtrArray *rows) {
        Order order;

        if (opt_sort == NULL)
                return EXIT_CODE_DONE;
        order.backwards = *opt_sort == '-';
        order.column = column_find(opt_sort + order.backwards);
        if (order.column == NULL)
                return EXIT_CODE_USAGE;
        g_ptr_array_sort_with_data(rows, compare_rows, &order);
        return EXIT_CODE_DONE;
}

static ExitCode choose_columns(GPtrArray *chosen) {
        if (opt_columns == NULL) {
                for (size_t i = 0; i < G_N_ELEMENTS(columns); i++)
                        if (columns[i].standard)
                                g_ptr_array_add(chosen, (gpointer)&columns[i]);
                return EXIT_CODE_DONE;
        }
        g_auto(GStrv) names = g_strsplit(opt_columns, ",", -1);
        for (char **name = names; *name != NULL; name++) {
                const Column *column = column_find(g_strstrip(*name));
                if (column == NULL)
                        return EXIT_CODE_USAGE;
                g_ptr_array_add(chosen, (gpointer)column);
        }
        return EXIT_CODE_DONE;
}

/* Many kinds have no states; a column in which nothing stands is left out, unless it was asked for. */
static void leave_out_state(GPtrArray *rows, GPtrArray *chosen) {
        for (guint row = 0; row < rows->len; row++)
                if (*attribute_string(rows->pdata[row], "state") != '\0')
                        return;
        for (guint i = 0; i < chosen->len; i++)
                if (g_str_equal(((const Column *)chosen->pdata[i])->key, "state"))
                        g_ptr_array_remove_index(chosen, i);
}

static void print_table(GPtrArray *rows, GPtrArray *chosen) {
        g_autoptr(Table) table = table_new(true);

        for (size_t i = 0; i < chosen->len; i++) {
                const Column *column = chosen->pdata[i];
                table_column(table, column->name, column->right);
        }
        for (size_t row = 0; row < rows->len; row++) {
                g_autoptr(GPtrArray) cells = g_ptr_array_new_with_free_func(g_free);
                for (size_t i = 0; i < chosen->len; i++)
                        g_ptr_array_add(cells, cell_text(chosen->pdata[i], rows->pdata[row]));
                table_row(table, (const char *const *)cells->pdata);
        }
        table_print(table, "");
}

static void print_json_array(GPtrArray *rows) {
        JsonArray *array = json_array_new();

        for (size_t i = 0; i < rows->len; i++)
                json_array_add_element(array, json_from_variant(rows->pdata[i]));
        json_print(json_node_of_array(array), true);
}

static bool filter_new(char **words, bool holders, Record *filter) {
        uint64_t uid;

        if (*words != NULL) {
                g_autoptr(GPtrArray) kinds = g_ptr_array_new_with_free_func(g_free);
                for (; *words != NULL; words++)
                        g_ptr_array_add(kinds, text_for_bus(*words));
                record_set_strings(filter, "kinds", (const char *const *)kinds->pdata, kinds->len);
        }
        if (opt_mine)
                record_set_bool(filter, "mine", true);
        if (!options_flag(filter, OPTION_COUNT, "pid", opt_pid))
                return false;
        if (opt_uid != NULL) {
                if (!options_user(opt_uid, &uid))
                        return false;
                record_set_u64(filter, "uid", uid);
        }
        /* Finding the holders walks all of /proc: only where they are shown or asked for. */
        record_set_bool(filter, "holders", holders || opt_pid != NULL);
        return true;
}

/* Rows without an address say which kind cannot be listed here, and why. */
static void take_rows(GVariant *objects, GPtrArray *rows) {
        GVariantIter iter;
        GVariant *row;

        g_variant_iter_init(&iter, objects);
        while ((row = g_variant_iter_next_value(&iter)) != NULL) {
                if (*attribute_string(row, "address") != '\0') {
                        g_ptr_array_add(rows, row);
                        continue;
                }
                say("%s cannot be listed here: %s", attribute_string(row, "kind"), attribute_string(row, "reason"));
                g_variant_unref(row);
        }
}

static ExitCode run(Cli *cli, char **words) {
        g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);
        g_autoptr(GPtrArray) chosen = g_ptr_array_new();
        g_autoptr(Record) filter = options_new();
        g_autoptr(GVariant) objects = NULL;
        g_autoptr(GError) error = NULL;
        IpcbusManager *manager;
        ExitCode code = choose_columns(chosen);
        bool holders = cli->json;

        if (code != EXIT_CODE_DONE)
                return code;
        for (size_t i = 0; i < chosen->len; i++)
                holders |= ((const Column *)chosen->pdata[i])->text == holders_text;
        if (opt_sort != NULL && column_find(opt_sort + (*opt_sort == '-')) == NULL)
                return EXIT_CODE_USAGE;
        if (!filter_new(words, holders, filter))
                return EXIT_CODE_USAGE;
        code = connection_manager(cli, &manager);
        if (code != EXIT_CODE_DONE)
                return code;
        if (!ipcbus_manager_call_list_kernel_objects_sync(
                    manager, options_variant(filter), WITHOUT_TIMEOUT, &objects, NULL, &error))
                return fail_with(error, NULL);
        take_rows(objects, rows);
        code = sort_rows(rows);
        if (code != EXIT_CODE_DONE)
                return code;
        if (cli->json)
                print_json_array(rows);
        else {
                if (opt_columns == NULL)
                        leave_out_state(rows, chosen);
                print_table(rows, chosen);
        }
        return EXIT_CODE_DONE;
}

const Verb verb_list = {
        .name = "list",
        .arguments = "[KIND...]",
        .summary = "List the kernel objects of the machine, ours and everybody's",
        .details =
                "Columns: ADDRESS KIND OWNER GROUP MODE SIZE USED MESSAGES HELD-BY AGE CREATED STATE OURS.\n"
                "STATE is left out where nothing has one. A kind that cannot be listed here is named on standard\n"
                "error, with the reason. HELD-BY is ? where processes of others could not be looked into. --json has\n"
                "exact sizes and times.\n\n"
                "Examples:\n  ipcctl list shm-posix --sort -size\n  ipcctl list --pid 1234 --columns address,mode\n",
        .entries = entries,
        .run = run,
};
