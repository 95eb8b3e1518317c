/**
 * Memory that processes share: blocks of bytes, arrays of numbers with their lock, and
 * integers that all may change at once.
 *
 *     brood_shared *image;
 *     status = brood_shared_create(&image, size, NULL);
 *     draw_into(brood_shared_data(image), size);
 *     status = brood_pool_run(pool, sharpen, NULL, "M", image);   // no byte is copied
 *     show(brood_shared_data(image), size);
 *
 * The memory has no name in the system unless it is asked for, is allocated when it is made,
 * and is gone with the last process that has it, however that ends. Like all that is shared it
 * travels in messages (its letter of brood_pack): who unpacks it has the same memory, and
 * destroys its own end of it. It belongs to the process that made, attached or unpacked it; a
 * process that is forked gets its own in a message.
 *
 * To attach or unpack one costs some 0.1 ms for each MiB, up to 128 MiB, since all its pages are
 * put at hand; who needs a few bytes of a large one again and again keeps it, as by
 * brood_set_worker_state.
 *
 * Any thread may call any function here; only destroy must be the last. What is in the memory
 * is guarded by its users.
 *
 * Python: multiprocessing.shared_memory, Value, Array, RawValue, RawArray.
 */
#ifndef BROOD_SHARED_H
#define BROOD_SHARED_H

#include <brood/export.h>
#include <brood/status.h>
#include <brood/sync.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------- blocks */

/** "M" of brood_pack. */
typedef struct brood_shared brood_shared;

/** Zero in a field means the default. */
typedef struct brood_shared_options {
    size_t struct_size;
    const char *name; /**< for brood_shared_attach: 1 to 64 of A-Z a-z 0-9 . _ -; NULL: none */
} brood_shared_options;

/** BROOD_SHARED(.name = "frames"): the fields named, the others default. */
#define BROOD_SHARED(...)                                                                          \
    (&(brood_shared_options){.struct_size = sizeof(brood_shared_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_SHARED_OPTIONS_INIT                                                                  \
    {                                                                                              \
        sizeof(brood_shared_options), NULL                                                         \
    }

/**
 * Makes a block of `size` zeroed bytes, 1 or more, all of which are there: a system that has
 * no more fails here, not when they are written. options may be NULL.
 *
 * A name leads other programs of this user to the block as long as this process has it: until
 * brood_shared_destroy or brood_shared_unlink, or its end, also if it is killed. Whoever attached
 * keeps the memory, not the name.
 * *out is new: brood_shared_destroy().
 * Fails with: BROOD_EINVAL (no size; a name with other characters), BROOD_EBUSY (the name
 * is taken), BROOD_ENOMEM, the system's error. Python: SharedMemory(create=True, size=size).
 */
BROOD_API int brood_shared_create(brood_shared **out, size_t size,
                                  const brood_shared_options *options);

/**
 * The block of that name. *out is new: brood_shared_destroy().
 * Fails with: BROOD_ECLOSED (nobody has a block of that name, or not any more), BROOD_EINVAL (no
 * name can be like that), BROOD_EPROTOCOL (what is there is no block), the system's error.
 * Python: SharedMemory(name).
 */
BROOD_API int brood_shared_attach(brood_shared **out, const char *name);

/** The bytes, aligned to 64. Borrowed: as long as the block is not destroyed. Python: buf. */
BROOD_API void *brood_shared_data(const brood_shared *shared);

/** How many there are: exactly as many as were asked for. Python: size. */
BROOD_API size_t brood_shared_size(const brood_shared *shared);

/**
 * Takes the name away, so that nobody else finds the block, and another can be made. Whoever has
 * the block keeps it. Fails with: BROOD_EINVAL (this end did not name it). Python: unlink.
 */
BROOD_API int brood_shared_unlink(brood_shared *shared);

/** Frees this process's end, and the name that it gave. Accepts NULL. Python: close, unlink. */
BROOD_API void brood_shared_destroy(brood_shared *shared);

/* ------------------------------------------------------- arrays and values */

/** "A" of brood_pack. One of a single element is what Python calls a Value. */
typedef struct brood_array brood_array;

/**
 * Makes an array of `count` elements, 1 or more, of a type by its letter of brood_pack: y uint8_t,
 * n int16_t, q uint16_t, i int32_t, u uint32_t, x int64_t, t uint64_t, d double. They are copied
 * from `elements`; NULL: they are zero. *out is new: brood_array_destroy().
 * Fails with: BROOD_EINVAL (the letter, the count), BROOD_ENOMEM, the system's error.
 * Python: Array(type, elements).
 */
BROOD_API int brood_array_create(brood_array **out, char type, size_t count, const void *elements);

/** The same of one element, as a Value is. Python: Value(type, element). */
BROOD_API int brood_value_create(brood_array **out, char type, const void *element);

/** The elements, aligned to 64. Borrowed: as long as the array is not destroyed. */
BROOD_API void *brood_array_data(const brood_array *array);

/** How many there are. Python: len. */
BROOD_API size_t brood_array_count(const brood_array *array);

/** The letter of their type; 0 of no array. */
BROOD_API char brood_array_type(const brood_array *array);

/**
 * The array's own lock, a recursive one, for whoever wants to be alone with the elements; nothing
 * takes it by itself. Borrowed: it comes and goes with the array, so it is not destroyed, and
 * not packed into messages but with the array. Python: get_lock. Who never takes it has a RawArray.
 */
BROOD_API brood_lock *brood_array_lock(brood_array *array);

/** Frees this process's end; if this thread has the lock, gives it back first. Accepts NULL. */
BROOD_API void brood_array_destroy(brood_array *array);

/* ---------------------------------------------------------- atomic integers */

/**
 * An int64_t in shared memory, on a multiple of 8, that any thread of any process changes in
 * one piece and without a lock; a process that is killed has changed it or has not. All are
 * sequentially consistent. Never mixed with plain reads and writes while others change it.
 */
BROOD_API int64_t brood_atomic_load(const int64_t *at);
BROOD_API void brood_atomic_store(int64_t *at, int64_t value);

/** Adds; what was there before. */
BROOD_API int64_t brood_atomic_add(int64_t *at, int64_t value);

/** Stores; what was there before. */
BROOD_API int64_t brood_atomic_exchange(int64_t *at, int64_t value);

/** Stores if *expected is there, and says 1; else *expected becomes what is there. */
BROOD_API int brood_atomic_compare_exchange(int64_t *at, int64_t *expected, int64_t value);

#ifdef __cplusplus
}
#endif

#endif
