/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What pictures are made of: text, lines, and signs that can be told apart without colour. */
#pragma once

#include <cairo.h>
#include <stdbool.h>

typedef struct Box {
        double x, y, width, height;
} Box;

typedef enum Ink { INK_BLACK, INK_DARK, INK_GREY, INK_FAINT, INK_MAX } Ink;

/* Where of the text the point is: 0 its left end, 0.5 its middle, 1 its right end. */
#define ALIGN_LEFT   0.0
#define ALIGN_MIDDLE 0.5
#define ALIGN_RIGHT  1.0

enum {
        FONT_SMALL = 11,
        FONT_TEXT = 12,
        FONT_PANEL = 13,
        FONT_SECTION = 16,
        FONT_TITLE = 20,
        STYLES = 6, /* lines of one panel that differ in dashes, sign and colour */
};

void canvas_ink(cairo_t *cr, Ink ink);
/* `y` is the middle of small letters. */
void canvas_text(cairo_t *cr, double x, double y, double align, int size, bool bold, const char *text);
/* Upwards, its middle at the point. */
void canvas_text_upright(cairo_t *cr, double x, double y, int size, const char *text);
double canvas_text_width(cairo_t *cr, int size, bool bold, const char *text);
void canvas_line(cairo_t *cr, double x1, double y1, double x2, double y2, double width);
/* Colour and dashes of a line, until the next call of canvas_ink(). */
void canvas_style(cairo_t *cr, unsigned style, double width);
void canvas_style_end(cairo_t *cr);
/* The sign of a style; hollow for what was disturbed. */
void canvas_sign(cairo_t *cr, unsigned style, double x, double y, double radius, bool hollow);
