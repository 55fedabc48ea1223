/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tail of t is half a regularised incomplete beta function, I(f / (f + t * t); f / 2, 1 / 2), which is computed by
 * its continued fraction (Abramowitz and Stegun 26.5.8, evaluated from the front) and inverted by halving. Owns
 * nothing. */
#include "student.h"

#include <float.h>
#include <math.h>

enum { STEPS_MAX = 500, HALVINGS = 200 };

/* One coefficient of the continued fraction. */
static double coefficient(unsigned step, double a, double b, double x) {
        double m = floor(step / 2.0);

        if (step % 2 == 0)
                return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
}

static double not_zero(double value) {
        return fabs(value) < DBL_MIN ? DBL_MIN : value;
}

/* The fraction 1 / (1 + d1 / (1 + d2 / …)): it converges fast for x < (a + 1) / (a + b + 2). */
static double fraction(double a, double b, double x) {
        double upper = 1, lower = 0, value = 1;

        for (unsigned step = 1; step < STEPS_MAX; step++) {
                double d = coefficient(step, a, b, x);
                lower = 1 / not_zero(1 + d * lower);
                upper = not_zero(1 + d / upper);
                value *= upper * lower;
                if (fabs(upper * lower - 1) < 1e-14)
                        break;
        }
        return 1 / value;
}

static double incomplete_beta(double a, double b, double x) {
        double factor;

        if (x <= 0 || x >= 1)
                return x <= 0 ? 0 : 1;
        factor = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
        if (x < (a + 1) / (a + b + 2))
                return factor * fraction(a, b, x) / a;
        return 1 - factor * fraction(b, a, 1 - x) / b;
}

static double tail_of(double t, double freedom) {
        return incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2;
}

double student_quantile(double tail, double freedom) {
        double low = 0, high = 1;

        while (tail_of(high, freedom) > tail && high < 1e12)
                high *= 2;
        for (int i = 0; i < HALVINGS && high - low > 1e-10 * high; i++) {
                double middle = (low + high) / 2;
                if (tail_of(middle, freedom) > tail)
                        low = middle;
                else
                        high = middle;
        }
        return (low + high) / 2;
}
