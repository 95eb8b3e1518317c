/*
 * Tasks that count together and fill one image in place, row by row. Python: Value, Array,
 * shared_memory. The README shows a part of this file.
 */
#include <brood/brood.h>
#include <stdio.h>

enum { WIDTH = 640, HEIGHT = 480, BRIGHTEST = 255 };

static unsigned char shade(int32_t x, int32_t y)
{
    return (unsigned char)((x * y) % (BRIGHTEST + 1));
}

static int draw_row(brood_message *args, brood_message *result)
{
    int32_t y;
    brood_shared *image = NULL;
    brood_array *rows = NULL, *brightness = NULL;
    int status = brood_unpack(args, "iMAA", &y, &image, &rows, &brightness);
    if (status)
        return status;
    unsigned char *row = (unsigned char *)brood_shared_data(image) + (size_t)y * WIDTH;
    int64_t sum = 0;
    for (int32_t x = 0; x < WIDTH; x++)
        sum += row[x] = shade(x, y); // in the caller's memory: nothing is sent back

    brood_atomic_add(brood_array_data(rows), 1);

    status = brood_lock_acquire(brood_array_lock(brightness), BROOD_FOREVER);
    if (!status) {
        *(double *)brood_array_data(brightness) += (double)sum;
        status = brood_lock_release(brood_array_lock(brightness));
    }
    brood_shared_destroy(image);
    brood_array_destroy(rows);
    brood_array_destroy(brightness);
    (void)result;
    return status;
}

/* All is there when the pool has ended. How much of it is wrong. */
static int64_t report(brood_shared *image, brood_array *rows, brood_array *brightness)
{
    const unsigned char *pixels = brood_shared_data(image);
    int64_t drawn = brood_atomic_load(brood_array_data(rows)), wrong = 0;
    double mean = *(double *)brood_array_data(brightness) / (WIDTH * HEIGHT);
    for (int32_t i = 0; i < WIDTH * HEIGHT; i++)
        wrong += pixels[i] != shade(i % WIDTH, i / WIDTH);
    printf("%lld rows, mean brightness %.2f, %lld pixels wrong\n", (long long)drawn, mean,
           (long long)wrong);
    return wrong + (drawn != HEIGHT);
}

int main(int argc, char **argv)
{
    brood_main(&argc, &argv);

    brood_pool *pool = NULL;
    brood_shared *image = NULL;
    brood_array *rows = NULL, *brightness = NULL;
    int64_t wrong = 0;
    int status = brood_pool_create(&pool, BROOD_POOL(.processes = 4));
    if (!status)
        status = brood_shared_create(&image, (size_t)WIDTH * HEIGHT, NULL);
    if (!status)
        status = brood_value_create(&rows, 'x', NULL);
    if (!status)
        status = brood_value_create(&brightness, 'd', NULL);
    for (int32_t y = 0; !status && y < HEIGHT; y++) {
        brood_future *future = NULL;
        status = brood_pool_call(pool, draw_row, &future, "iMAA", y, image, rows, brightness);
        brood_future_destroy(future);
    }
    if (!status)
        status = brood_pool_close(pool);
    if (!status)
        status = brood_pool_join(pool, BROOD_FOREVER);
    if (!status)
        wrong = report(image, rows, brightness);
    if (status)
        fprintf(stderr, "shared: %s\n", brood_status_text(status));
    brood_array_destroy(brightness);
    brood_array_destroy(rows);
    brood_shared_destroy(image);
    brood_pool_destroy(pool);
    return status || wrong;
}
