/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Draws with cairo's own simple text interface: it needs no display and, at worst, no font. Owns nothing. */
#include "canvas.h"

#include <glib.h>
#include <math.h>

/* Colours that people with any kind of sight tell apart (Okabe and Ito), and that are of different lightness in grey;
 * beside them dashes and signs, for those who print without colour. */
static const struct {
        double red, green, blue;
        double dashes[6];
        int n_dashes;
} styles[STYLES] = {
        { 0, 0, 0, { 0 }, 0 },
        { 0.80, 0.40, 0, { 7, 3 }, 2 },
        { 0, 0.45, 0.70, { 2, 2.5 }, 2 },
        { 0, 0.55, 0.42, { 9, 3, 2, 3 }, 4 },
        { 0.70, 0.40, 0.58, { 4, 2, 1.5, 2, 1.5, 2 }, 6 },
        { 0.45, 0.45, 0.45, { 14, 4 }, 2 },
};

static const double inks[INK_MAX] = { [INK_BLACK] = 0, [INK_DARK] = 0.3, [INK_GREY] = 0.78, [INK_FAINT] = 0.88 };

void canvas_ink(cairo_t *cr, Ink ink) {
        cairo_set_source_rgb(cr, inks[ink], inks[ink], inks[ink]);
}

static void choose_font(cairo_t *cr, int size, bool bold) {
        cairo_select_font_face(
                cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
        cairo_set_font_size(cr, size);
}

double canvas_text_width(cairo_t *cr, int size, bool bold, const char *text) {
        cairo_text_extents_t extents;

        choose_font(cr, size, bold);
        cairo_text_extents(cr, text, &extents);
        return extents.x_advance;
}

void canvas_text(cairo_t *cr, double x, double y, double align, int size, bool bold, const char *text) {
        double width = canvas_text_width(cr, size, bold, text);

        cairo_move_to(cr, x - width * align, y + size * 0.36);
        cairo_show_text(cr, text);
        cairo_new_path(cr);
}

void canvas_text_upright(cairo_t *cr, double x, double y, int size, const char *text) {
        cairo_save(cr);
        cairo_translate(cr, x, y);
        cairo_rotate(cr, -G_PI_2);
        canvas_text(cr, 0, 0, ALIGN_MIDDLE, size, false, text);
        cairo_restore(cr);
}

void canvas_line(cairo_t *cr, double x1, double y1, double x2, double y2, double width) {
        cairo_set_line_width(cr, width);
        cairo_move_to(cr, x1, y1);
        cairo_line_to(cr, x2, y2);
        cairo_stroke(cr);
}

void canvas_style(cairo_t *cr, unsigned style, double width) {
        style %= STYLES;
        cairo_set_source_rgb(cr, styles[style].red, styles[style].green, styles[style].blue);
        cairo_set_dash(cr, styles[style].dashes, styles[style].n_dashes, 0);
        cairo_set_line_width(cr, width);
        cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
}

void canvas_style_end(cairo_t *cr) {
        cairo_set_dash(cr, NULL, 0, 0);
        canvas_ink(cr, INK_BLACK);
}

static void polygon(cairo_t *cr, double x, double y, double radius, int corners, double turn) {
        for (int i = 0; i < corners; i++) {
                double angle = turn + 2 * G_PI * i / corners;
                cairo_line_to(cr, x + radius * sin(angle), y - radius * cos(angle));
        }
        cairo_close_path(cr);
}

void canvas_sign(cairo_t *cr, unsigned style, double x, double y, double radius, bool hollow) {
        static const struct {
                int corners;
                double turn, size;
        } signs[STYLES] = {
                { 0, 0, 1 },
                { 4, 0.785398, 1.25 },
                { 3, 0, 1.35 },
                { 4, 0, 1.35 },
                { 3, 3.141593, 1.35 },
                { 5, 0, 1.25 },
        };

        style %= STYLES;
        cairo_save(cr);
        canvas_style(cr, style, 1.2);
        cairo_set_dash(cr, NULL, 0, 0);
        cairo_new_path(cr);
        if (signs[style].corners == 0)
                cairo_arc(cr, x, y, radius, 0, 2 * G_PI);
        else
                polygon(cr, x, y, radius * signs[style].size, signs[style].corners, signs[style].turn);
        if (hollow) {
                cairo_stroke_preserve(cr);
                cairo_set_source_rgb(cr, 1, 1, 1);
        }
        cairo_fill(cr);
        cairo_restore(cr);
}
