
/* For timeout_ns: wait without a limit. An int64_t, as a literal that generators of bindings understand. */
#define IPC_FOREVER (-1L)

/* For ipc_mq_attr_t.spin_ns: waiters do not spin. */
#define IPC_MQ_NO_SPIN (-1)

/* A constant initialiser for ipc_type_t, in C99 and newer and in C++17. It describes a struct by its
 * name, version, size and alignment. A keyword before the name does not count: IPC_TYPE(struct S, 1)
 * and IPC_TYPE(S, 1) agree.
 *
 *     static const ipc_type_t sensor_type = IPC_TYPE(SensorData, 1);
 */
#define IPC_TYPE(type, version) IPC_AS_PLAIN(#type, type, version)

/* A constant initialiser for ipc_type_t, in C99 and newer and in C++17. It describes a struct by its
 * name, version, size and alignment, and by the offsets and sizes of 1 to 32 named fields. Two
 * programs that share the struct must agree on all of these. In C++, the struct must be a
 * standard-layout type.
 *
 *     static const ipc_type_t sensor_type =
 *         IPC_TYPE_FIELDS(SensorData, 1, temperature, humidity, sequence);
 */
#define IPC_TYPE_FIELDS(type, version, ...) \
  IPC_AS_FIELDS(#type, type, version, __VA_ARGS__)

/* A constant initialiser for ipc_type_t like IPC_TYPE and IPC_TYPE_FIELDS, under a name of its own: a
 * string literal of 1 to 63 bytes. The fields, 0 to 32, follow the version. With it, programs agree that
 * spell the type in different ways, for example because C++ has it in a namespace:
 *
 *     static const ipc_type_t point_type = IPC_TYPE_AS("Point", struct point, 1, x, y);  // in C
 *     static const ipc_type_t point_type = IPC_TYPE_AS("Point", geo::Point, 1, x, y);    // in C++
 */
#define IPC_TYPE_AS(name, ...) IPC_AS(__VA_ARGS__)(name, __VA_ARGS__)

/* The macros below serve IPC_TYPE, IPC_TYPE_FIELDS and IPC_TYPE_AS. */
#define IPC_AS_PLAIN(name, type, version) \
  { name, (version), 0, sizeof(type), IPC_ALIGNOF(type), IPC_NO_FIELDS }
#define IPC_AS_FIELDS(name, type, version, ...) \
  { name, (version), IPC_COUNT(__VA_ARGS__), sizeof(type), IPC_ALIGNOF(type), \
    { IPC_FOR_EACH(IPC_FIELD, type, __VA_ARGS__) } }
/* The macro for the arguments that follow a name: a type and a version, and perhaps fields. */
#define IPC_AS(...) IPC_35TH(__VA_ARGS__,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS, IPC_AS_FIELDS,  \
  IPC_AS_PLAIN, IPC_AS_PLAIN, 0)
#define IPC_35TH(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15,  \
                 _16, _17, _18, _19, _20, _21, _22, _23, _24, _25, _26, _27, _28,  \
                 _29, _30, _31, _32, _33, _34, picked, ...) picked
#define IPC_FIELD(type, field) { #field, offsetof(type, field), sizeof(IPC_NOWHERE(type)->field) }
#define IPC_NO_FIELDS { { NULL, 0, 0 } }
#if defined(__cplusplus)
#define IPC_NOWHERE(type) static_cast<type *>(nullptr)
#define IPC_ALIGNOF(type) alignof(type)
#else
#define IPC_NOWHERE(type) ((type *)0)
#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define IPC_ALIGNOF(type) _Alignof(type)
#else
#define IPC_ALIGNOF(type) __alignof__(type)
#endif
#endif
#define IPC_COUNT_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14,  \
                   _15, _16, _17, _18, _19, _20, _21, _22, _23, _24, _25, _26, _27,  \
                   _28, _29, _30, _31, _32, count, ...) count
#define IPC_COUNT(...) IPC_COUNT_(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24,  \
  23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2,  \
  1, 0)
#define IPC_PASTE_(a, b) a##b
#define IPC_PASTE(a, b) IPC_PASTE_(a, b)
#define IPC_FOR_EACH(do, type, ...) \
  IPC_PASTE(IPC_EACH_, IPC_COUNT(__VA_ARGS__))(do, type, __VA_ARGS__)
#define IPC_EACH_1(do, type, field) do(type, field)
#define IPC_EACH_2(do, type, field, ...) \
  do(type, field), IPC_EACH_1(do, type, __VA_ARGS__)
#define IPC_EACH_3(do, type, field, ...) \
  do(type, field), IPC_EACH_2(do, type, __VA_ARGS__)
#define IPC_EACH_4(do, type, field, ...) \
  do(type, field), IPC_EACH_3(do, type, __VA_ARGS__)
#define IPC_EACH_5(do, type, field, ...) \
  do(type, field), IPC_EACH_4(do, type, __VA_ARGS__)
#define IPC_EACH_6(do, type, field, ...) \
  do(type, field), IPC_EACH_5(do, type, __VA_ARGS__)
#define IPC_EACH_7(do, type, field, ...) \
  do(type, field), IPC_EACH_6(do, type, __VA_ARGS__)
#define IPC_EACH_8(do, type, field, ...) \
  do(type, field), IPC_EACH_7(do, type, __VA_ARGS__)
#define IPC_EACH_9(do, type, field, ...) \
  do(type, field), IPC_EACH_8(do, type, __VA_ARGS__)
#define IPC_EACH_10(do, type, field, ...) \
  do(type, field), IPC_EACH_9(do, type, __VA_ARGS__)
#define IPC_EACH_11(do, type, field, ...) \
  do(type, field), IPC_EACH_10(do, type, __VA_ARGS__)
#define IPC_EACH_12(do, type, field, ...) \
  do(type, field), IPC_EACH_11(do, type, __VA_ARGS__)
#define IPC_EACH_13(do, type, field, ...) \
  do(type, field), IPC_EACH_12(do, type, __VA_ARGS__)
#define IPC_EACH_14(do, type, field, ...) \
  do(type, field), IPC_EACH_13(do, type, __VA_ARGS__)
#define IPC_EACH_15(do, type, field, ...) \
  do(type, field), IPC_EACH_14(do, type, __VA_ARGS__)
#define IPC_EACH_16(do, type, field, ...) \
  do(type, field), IPC_EACH_15(do, type, __VA_ARGS__)
#define IPC_EACH_17(do, type, field, ...) \
  do(type, field), IPC_EACH_16(do, type, __VA_ARGS__)
#define IPC_EACH_18(do, type, field, ...) \
  do(type, field), IPC_EACH_17(do, type, __VA_ARGS__)
#define IPC_EACH_19(do, type, field, ...) \
  do(type, field), IPC_EACH_18(do, type, __VA_ARGS__)
#define IPC_EACH_20(do, type, field, ...) \
  do(type, field), IPC_EACH_19(do, type, __VA_ARGS__)
#define IPC_EACH_21(do, type, field, ...) \
  do(type, field), IPC_EACH_20(do, type, __VA_ARGS__)
#define IPC_EACH_22(do, type, field, ...) \
  do(type, field), IPC_EACH_21(do, type, __VA_ARGS__)
#define IPC_EACH_23(do, type, field, ...) \
  do(type, field), IPC_EACH_22(do, type, __VA_ARGS__)
#define IPC_EACH_24(do, type, field, ...) \
  do(type, field), IPC_EACH_23(do, type, __VA_ARGS__)
#define IPC_EACH_25(do, type, field, ...) \
  do(type, field), IPC_EACH_24(do, type, __VA_ARGS__)
#define IPC_EACH_26(do, type, field, ...) \
  do(type, field), IPC_EACH_25(do, type, __VA_ARGS__)
#define IPC_EACH_27(do, type, field, ...) \
  do(type, field), IPC_EACH_26(do, type, __VA_ARGS__)
#define IPC_EACH_28(do, type, field, ...) \
  do(type, field), IPC_EACH_27(do, type, __VA_ARGS__)
#define IPC_EACH_29(do, type, field, ...) \
  do(type, field), IPC_EACH_28(do, type, __VA_ARGS__)
#define IPC_EACH_30(do, type, field, ...) \
  do(type, field), IPC_EACH_29(do, type, __VA_ARGS__)
#define IPC_EACH_31(do, type, field, ...) \
  do(type, field), IPC_EACH_30(do, type, __VA_ARGS__)
#define IPC_EACH_32(do, type, field, ...) \
  do(type, field), IPC_EACH_31(do, type, __VA_ARGS__)
