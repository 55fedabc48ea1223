/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ipcbus-plot FILE: draws the run of a benchmark, which it reads as JSON from standard input, as the ending of FILE
 * says: .svg or .png. A program of its own, as cairo loads what no other use of ipcctl needs. The picture is written
 * under another name first, so that there is never half of one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cairo-svg.h>
#include <cairo.h>

#include "bench-run.h"
#include "charts-of-run.h"

enum {
        WIDTH = 1200,
        MARGIN = 28,
        HEADER = 64,
        PIXELS = 2,         /* of a picture in dots, for each of its units */
        HEIGHT_MAX = 16000, /* 32,767 dots is what cairo can */
        INPUT_MAX = 64 << 20,
        READ_SIZE = 64 << 10,
};

static int fail(const char *problem) {
        fprintf(stderr, "%s\n", problem);
        return 1;
}

static GByteArray *read_input(void) {
        GByteArray *bytes = g_byte_array_new();
        g_autofree guint8 *buffer = g_malloc(READ_SIZE);
        ssize_t n;

        while (((n = read(STDIN_FILENO, buffer, READ_SIZE)) > 0 && bytes->len < INPUT_MAX) ||
                (n < 0 && errno == EINTR))
                if (n > 0)
                        g_byte_array_append(bytes, buffer, (guint)n);
        return bytes;
}

/* What machine it was. */
static char *subtitle(const BenchRun *run) {
        JsonObject *environment = bench_object(json_node_get_object(run->root), "environment");
        static const char *const keys[] = { "processor", "kernel", "distribution" };
        GString *text = g_string_new(NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
                const char *value = bench_string(environment, keys[i]);
                if (*value != '\0')
                        g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", value);
                if (i == 0 && bench_number(environment, "cpus_online") > 0)
                        g_string_append_printf(text, "%s%.0f CPUs", text->len > 0 ? ", " : "",
                                bench_number(environment, "cpus_online"));
        }
        double time = bench_number(json_node_get_object(run->root), "time");
        g_autoptr(GDateTime) date = time > 0 && time < 1e17 ? g_date_time_new_from_unix_local((gint64)(time / 1e6))
                                                            : NULL;
        g_autofree char *day = date != NULL ? g_date_time_format(date, "%F %H:%M") : NULL;
        if (day != NULL)
                g_string_append_printf(text, "%s%s", text->len > 0 ? ", " : "", day);
        g_string_append_printf(text, "%saxes are logarithmic", text->len > 0 ? "; " : "");
        return g_string_free(text, FALSE);
}

static double height_of(const GPtrArray *charts) {
        double height = HEADER + MARGIN;

        for (guint i = 0; i < charts->len; i++)
                height += chart_height(charts->pdata[i]);
        return height;
}

static void draw(cairo_t *cr, const BenchRun *run, const GPtrArray *charts, double height) {
        Box box = { MARGIN, HEADER + MARGIN, WIDTH - 2 * MARGIN, 0 };
        g_autofree char *machine = subtitle(run);

        cairo_set_source_rgb(cr, 1, 1, 1);
        cairo_rectangle(cr, 0, 0, WIDTH, height);
        cairo_fill(cr);
        canvas_ink(cr, INK_BLACK);
        canvas_text(cr, MARGIN, MARGIN, ALIGN_LEFT, FONT_TITLE, true, "What inter-process communication costs here");
        canvas_ink(cr, INK_DARK);
        canvas_text(cr, MARGIN, MARGIN + 26, ALIGN_LEFT, FONT_TEXT, false, machine);
        for (guint i = 0; i < charts->len; i++) {
                chart_draw(cr, charts->pdata[i], &box);
                box.y += chart_height(charts->pdata[i]);
        }
}

static cairo_status_t write_out(void *closure, const unsigned char *data, unsigned int length) {
        FILE *out = closure;

        return fwrite(data, 1, length, out) == length ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static cairo_status_t render(const BenchRun *run, const GPtrArray *charts, bool svg, FILE *out) {
        double height = height_of(charts);
        cairo_surface_t *surface = svg ? cairo_svg_surface_create_for_stream(write_out, out, WIDTH, height)
                                       : cairo_image_surface_create(
                                                 CAIRO_FORMAT_RGB24, WIDTH * PIXELS, (int)(height * PIXELS));
        cairo_t *cr = cairo_create(surface);

        if (!svg)
                cairo_scale(cr, PIXELS, PIXELS);
        draw(cr, run, charts, height);
        cairo_status_t status = cairo_status(cr);
        cairo_destroy(cr);
        if (status == CAIRO_STATUS_SUCCESS && !svg)
                status = cairo_surface_write_to_png_stream(surface, write_out, out);
        cairo_surface_finish(surface);
        if (status == CAIRO_STATUS_SUCCESS)
                status = cairo_surface_status(surface);
        cairo_surface_destroy(surface);
        return status;
}

/* A file gets its name when it is whole; a device, a pipe and what a link leads to are written at once. */
static int write_picture(const char *file, const BenchRun *run, const GPtrArray *charts, bool svg) {
        g_autofree char *other = g_strdup_printf("%s.%ld", file, (long)getpid());
        struct stat st;
        bool through = lstat(file, &st) == 0 && !S_ISREG(st.st_mode);
        int fd = open(through ? file : other, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_CREAT | (through ? O_TRUNC : O_EXCL),
                0666);
        FILE *out = fd >= 0 ? fdopen(fd, "w") : NULL;

        if (out == NULL)
                return fail(g_strerror(errno));
        cairo_status_t status = render(run, charts, svg, out);
        bool written = fclose(out) == 0;
        int number = errno;
        if (status == CAIRO_STATUS_SUCCESS && written && (through || rename(other, file) == 0))
                return 0;
        if (!through)
                unlink(other);
        return fail(status != CAIRO_STATUS_SUCCESS && status != CAIRO_STATUS_WRITE_ERROR
                            ? cairo_status_to_string(status)
                            : g_strerror(number));
}

int main(int argc, char **argv) {
        g_autoptr(GByteArray) input = NULL;
        g_autoptr(GPtrArray) charts = NULL;
        g_autoptr(BenchRun) run = NULL;
        g_autoptr(JsonParser) parser = json_parser_new();
        const char *problem = "it is no JSON";

        if (argc != 2 || argv[1][0] == '-') {
                fputs("usage: ipcbus-plot FILE.svg|FILE.png <RUN.json (of \"ipcctl bench --json\")\n", stderr);
                return 2;
        }
        input = read_input();
        if (json_parser_load_from_data(parser, (const char *)input->data, input->len, NULL) &&
                json_parser_get_root(parser) != NULL)
                run = bench_run_new(json_parser_get_root(parser), &problem);
        if (run == NULL)
                return fail(problem);
        charts = charts_of_run(run);
        if (charts->len == 0)
                return fail("nothing was measured");
        if (height_of(charts) > HEIGHT_MAX)
                return fail("there is too much for one picture; name fewer kinds");
        const char *dot = strrchr(argv[1], '.');
        return write_picture(argv[1], run, charts, dot != NULL && g_ascii_strcasecmp(dot, ".svg") == 0);
}
