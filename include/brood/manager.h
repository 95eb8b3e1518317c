/**
 * Managers: objects that live in a process of their own, and that every other process uses
 * through proxies as if they were its own.
 *
 *     brood_manager *manager;
 *     brood_proxy *queue;
 *     status = brood_manager_start(&manager, NULL);
 *     status = brood_manager_create(manager, &queue, "Queue", NULL);
 *     status = brood_pool_call(pool, writer, NULL, "P", queue);
 *     ...
 *     static int writer(brood_message *args, brood_message *result)
 *     {
 *         brood_proxy *queue;
 *         int status = brood_unpack(args, "P", &queue);
 *         if (!status)
 *             status = brood_proxy_run(queue, "put", BROOD_FOREVER, "s", "news");
 *         brood_proxy_destroy(queue);
 *         return status;
 *     }
 *
 * A proxy can be put into a message ("P" of brood_pack), be it the argument or result of a
 * task, of a process, one that goes through a pipe, or the value of another object of the same
 * manager: a list in a dict, a queue in a list. What is put in a queue, list or dict is copied
 * in, and copied out again; handles and pipes cannot be (BROOD_ENOTSUP).
 *
 * References. An object lives as long as something refers to it: a proxy, an object that has it
 * as a value, a name (brood_manager_publish), or a message in which it is on its way. What is
 * on its way is let go when it was unpacked, or, if nobody does that, a minute after the
 * process that packed it, or got it as a result, has ended. Objects that refer to each other
 * in a ring live until the manager ends, as in Python.
 *
 * Death. When the manager ends, however that comes, every call says so at once: BROOD_ECLOSED.
 * It ends when its handle is destroyed or shut down, and with the program that started it. When
 * a client dies, its references go; what it waited for it does not get; a Lock, RLock or
 * Condition that it had acquired is free, and whoever acquires it next has it, and is told by
 * BROOD_EOWNERDEAD that what it protects may be half done. At most the item that a queue was
 * just sending to it is lost.
 *
 * Whom to trust. The manager listens under a local name, which the system keeps for this user;
 * with .address also there, for whoever has the key: see <brood/listener.h>. Who is in can
 * create objects of the types that the manager's program knows and call their methods, with
 * messages up to the limit, and nothing else.
 *
 * Any thread may call any function here, several at the same time; only destroy must be the
 * last. A proxy belongs to the process that made or unpacked it.
 *
 * Python: multiprocessing.Manager, managers.SyncManager, managers.BaseManager.
 *
 * ------------------------------------------------------------------------------------- types
 *
 * A *value* is one value of a message, of any letter, also a tuple or keywords; an *item* is a
 * whole message. Values are compared as they are packed: 1 and "1" differ, and so do 1 and
 * 1.0. An index may be negative, as in Python. What is not there (an index, a key) is
 * BROOD_EINVAL, another kind of value than the method takes BROOD_ETYPE, a method that the type
 * does not have BROOD_EFUNCTION. "*" are any number of values, [ ] may be left out; a method
 * with no result answers with an empty message. Methods marked with ~ wait, up to the timeout
 * of the call: BROOD_ETIMEDOUT.
 *
 *     list(*)                  append(value) extend(*) insert(x, value) pop([x]) value
 *                              remove(value) index(value) x  count(value) x  contains(value) b
 *                              getitem(x) value  setitem(x, value) delitem(x) len() x
 *                              slice(x, x) *  copy() *  clear() reverse() sort()
 *     dict([{ }])              getitem(key) value  get(key[, value]) [value]
 *                              setitem(key, value) delitem(key) pop(key[, value]) value
 *                              popitem() (key value)  setdefault(key, value) value
 *                              contains(key) b  update({ }) len() x  clear()
 *                              keys() *  values() *  items() (key value)*  copy() { }
 *                              in the order in which keys came in
 *     set(*)                   add(value) discard(value) remove(value) contains(value) b
 *                              update(*) pop() value  copy() *  len() x  clear()
 *     Namespace([{ }])         getattr(s) value  setattr(s, value) delattr(s) copy() { }
 *     Value(value)             get() value  set(value) add(value) value: the sum, in one step
 *     Array(array)             getitem(x) number  setitem(x, number) len() x
 *                              slice(x, x) array  copy() array
 *     Queue([x maxsize])       put(item)~ get() item ~ qsize() x  empty() b  full() b  close():
 *                              from then on put is BROOD_ECLOSED, and get once it is empty
 *     JoinableQueue([x])       the same and task_done() join()~
 *     Lock() RLock()           acquire()~ release() locked() b
 *                              an RLock belongs to a thread, and only it may release it
 *     Semaphore([x])           acquire()~ release([x]) get_value() x
 *     BoundedSemaphore([x])    the same; never above its first value: BROOD_EINVAL
 *     Event()                  set() clear() is_set() b  wait()~
 *     Condition([P])           acquire()~ release() wait()~ notify([x]) notify_all(); its lock is
 *                              an RLock of its own, or that of the Lock or RLock given.
 *                              wait, notify: BROOD_EINVAL if the caller has not got the lock;
 *                              wait has it again when it returns, however long others have it
 *     Barrier(x parties)       wait() x ~ reset() abort() parties() x  n_waiting() x  broken() b
 *                              who gives up (BROOD_ETIMEDOUT) or dies breaks it:
 *                              BROOD_EBROKEN for the others, until reset
 *
 * These are Python's, by Python's names: list[i] is getitem, len(list) is len, Value.value is get
 * and set, Namespace's attributes are getattr and setattr, put_nowait and get_nowait are put
 * and get with a timeout of 0 (queue.Empty and Full: BROOD_ETIMEDOUT).
 */
#ifndef BROOD_MANAGER_H
#define BROOD_MANAGER_H

#include <brood/context.h>
#include <brood/export.h>
#include <brood/message.h>
#include <brood/status.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct brood_manager brood_manager;
typedef struct brood_proxy brood_proxy;

/* ----------------------------------------------------------------- managers */

/** Zero in a field means the default. */
typedef struct brood_manager_options {
    size_t struct_size;
    brood_context *context; /**< how its process starts; the default context */
    const char *address;    /**< where other programs connect: as brood_listener_create() has it */
    const void *key;        /**< what they must have; copied; NULL: local addresses only */
    size_t key_size;        /**< BROOD_KEY_SIZE_MIN to 4096 bytes */
    uint64_t limit;         /**< bytes of the longest request of a client, from 512 on; 64 MiB. All
                                 that it may have in hand at a time is `clients` of them; what
                                 objects may hold is limited by .memory of the context alone */
    uint32_t clients;       /**< connections at a time, one for each thread that calls, up to
                                 100,000; 1,000. One more is refused: BROOD_EBUSY */
    int64_t grace;          /**< milliseconds that its process has to end by itself; 1,000 */
} brood_manager_options;

/** BROOD_MANAGER(.address = "tcp:", ...): the fields named, the others default. */
#define BROOD_MANAGER(...)                                                                         \
    (&(brood_manager_options){.struct_size = sizeof(brood_manager_options), __VA_ARGS__})

/** For C++: a struct with every default. */
#define BROOD_MANAGER_OPTIONS_INIT                                                                 \
    {                                                                                              \
        sizeof(brood_manager_options), 0, 0, 0, 0, 0, 0, 0                                         \
    }

/**
 * Starts the process of a manager and waits until it listens. options may be NULL. *out is
 * new: brood_manager_destroy().
 * Fails with: BROOD_EINVAL, BROOD_EBUSY (somebody listens at the address), BROOD_EWORKERLOST
 * (it died at the start), BROOD_ENOMAIN, BROOD_ENOMEM, the system's error.
 * Python: Manager(), BaseManager.start.
 */
BROOD_API int brood_manager_start(brood_manager **out, const brood_manager_options *options);

/**
 * Connects to a manager that another program has started, at the address and with the key
 * that it was given, within `timeout` milliseconds. key may be NULL, for a local address
 * without one. From then on this process can use proxies of that manager that come in
 * messages. *out is new: brood_manager_destroy(), which does not end the manager.
 * Fails with: BROOD_ECLOSED (nobody listens there), BROOD_EAUTH, BROOD_ETIMEDOUT,
 * BROOD_EPROTOCOL (no manager, or of another version), BROOD_EBUSY (it has too many clients).
 * Python: BaseManager.connect.
 */
BROOD_API int brood_manager_connect(brood_manager **out, const char *address, const void *key,
                                    size_t key_size, int64_t timeout);

/**
 * What brood_manager_connect() is to be given, with the port that was chosen: .address; a
 * local name if there was none. Lives as long as the handle. Python: address.
 */
BROOD_API const char *brood_manager_address(const brood_manager *manager);

/** Id of the manager's process; 0 if another program started it, or it was shut down. */
BROOD_API int64_t brood_manager_pid(brood_manager *manager);

/**
 * Makes an object of a type and a proxy for it. args are what stands in the type's
 * parentheses, NULL for none. *out is new: brood_proxy_destroy().
 * Fails with: BROOD_EFUNCTION (no such type), BROOD_ECLOSED (the manager is gone), BROOD_ETYPE or
 * BROOD_EINVAL (arguments that the type does not take), BROOD_ETASK (so says a type of your
 * own), BROOD_ENOMEM. Python: manager.list(), manager.dict(), manager.Queue() ...
 */
BROOD_API int brood_manager_create(brood_manager *manager, brood_proxy **out, const char *type,
                                   const brood_message *args);

/**
 * Gives an object a name under which other clients find it, and which keeps it alive; another
 * object that had the name loses it. 1 to 127 bytes; proxy NULL takes the name away.
 * Python: a callable that BaseManager.register() was given.
 */
BROOD_API int brood_manager_publish(brood_manager *manager, const char *name, brood_proxy *proxy);

/** The object of a name. *out is new. Fails with: BROOD_EINVAL (none has it), BROOD_ECLOSED. */
BROOD_API int brood_manager_find(brood_manager *manager, brood_proxy **out, const char *name);

/**
 * Ends the process of the manager, and with it all objects: types of your own are told by
 * their destroy, unless a method of theirs runs. Every call of every client is BROOD_ECLOSED
 * from now on. May be called again. Fails with: BROOD_EINVAL (another program started it).
 * Python: shutdown.
 */
BROOD_API int brood_manager_shutdown(brood_manager *manager);

/** Shuts down what this handle has started; frees it. Proxies stay to be destroyed. Accepts NULL.
 */
BROOD_API void brood_manager_destroy(brood_manager *manager);

/* ------------------------------------------------------------------ proxies */

/**
 * Calls a method of the object. args and result may be NULL. A method that waits does so up to
 * `timeout` milliseconds; an answer that is still not there five seconds after that is given
 * up, and nobody knows then whether the method ran; only Condition's wait is not, which ends
 * with the lock in hand. On failure of the method `result` carries a brood_error with its text.
 * Fails with: BROOD_ECLOSED (the manager is gone), BROOD_ETIMEDOUT, BROOD_EDEADLINE (given up),
 * BROOD_EFUNCTION (no such method), BROOD_ETASK (a method of your own has failed), BROOD_EINVAL
 * (longer than the manager's limit), BROOD_ENOTSUP (a value with handles, or with a proxy of
 * another manager), BROOD_EBUSY (too many clients), what the method says.
 */
BROOD_API int brood_proxy_call(brood_proxy *proxy, const char *method, const brood_message *args,
                               brood_message *result, int64_t timeout);

/**
 * The same in one line: what stands before = in the format are results, up to 4, that are
 * written through pointers, as by brood_unpack(): numbers, b, P; the rest are arguments as for
 * brood_pack(). Without = there are no results.
 *
 *     status = brood_proxy_run(queue, "put", 1000, "si", "text", 7);
 *     status = brood_proxy_run(queue, "qsize", 0, "x=", &size);
 *     status = brood_proxy_run(dict, "getitem", 0, "d=s", &price, "apple");
 *
 * Fails with: as brood_proxy_call; BROOD_EINVAL (a result that would be borrowed: s, a).
 */
BROOD_API int brood_proxy_run(brood_proxy *proxy, const char *method, int64_t timeout,
                              const char *format, ...);

/**
 * The same with the result in a message, for what is borrowed from it.
 *
 *     status = brood_proxy_ask(queue, "get", &item, BROOD_FOREVER, "");
 *     status = brood_unpack(&item, "s", &text);
 */
BROOD_API int brood_proxy_ask(brood_proxy *proxy, const char *method, brood_message *result,
                              int64_t timeout, const char *format, ...);

/** The name of its object's type; lives as long as it. */
BROOD_API const char *brood_proxy_type(const brood_proxy *proxy);

/** A number that is the same for all proxies of one object, and for no others of its manager. */
BROOD_API uint64_t brood_proxy_id(const brood_proxy *proxy);

/** Lets the object go. Accepts NULL. */
BROOD_API void brood_proxy_destroy(brood_proxy *proxy);

/* ------------------------------------------------------- types of your own */

/** One method of a type. */
typedef struct brood_manager_method {
    const char *name;
    brood_function *function; /**< brood_manager_self() is the object in it */
} brood_manager_method;

/** A type. It and all that it points to must live as long as the program. */
typedef struct brood_manager_type {
    const char *name; /**< 1 to 127 bytes */
    /** Makes an object; 0 and *self, or what is wrong, as brood_fail() returns it. NULL: *self is
     *  NULL. */
    int (*create)(brood_message *args, void **self);
    void (*destroy)(void *self);         /**< its last reference is gone; may be NULL */
    const brood_manager_method *methods; /**< up to one without a name */
} brood_manager_type;

/**
 * Makes a type known in this process, and so in the managers that it starts by spawn or
 * forkserver, if it does so before brood_main(): the manager's process is this program, started
 * again. Once more the same changes nothing.
 * Methods of one object run one at a time, in threads of the manager; those of different
 * objects beside each other. Such a thread has a stack of 1 MiB. A method that crashes takes the
 * manager along.
 * Fails with: BROOD_EBUSY (the name is taken), BROOD_EINVAL, BROOD_ENOMEM.
 * Python: BaseManager.register.
 */
BROOD_API int brood_manager_register(const brood_manager_type *type);

/** In a method: the object that it was called on. NULL elsewhere. */
BROOD_API void *brood_manager_self(void);

#ifdef __cplusplus
}
#endif

#endif
