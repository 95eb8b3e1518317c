/*
 * The loop on Windows: messages of windows, and a handle beside them.
 */
#include "loop.h"
#include <windows.h>

static void dispatch_messages(loop *l)
{
    MSG message;
    while (PeekMessageW(&message, NULL, 0, 0, PM_REMOVE)) {
        if (message.message == WM_QUIT)
            l->quit = 1;
        TranslateMessage(&message);
        DispatchMessageW(&message);
    }
}

int loop_run(loop *l)
{
    HANDLE handle = (HANDLE)l->handle;
    while (!l->quit) {
        switch (MsgWaitForMultipleObjectsEx(1, &handle, (DWORD)l->interval, QS_ALLINPUT,
                                            MWMO_INPUTAVAILABLE)) {
        case WAIT_OBJECT_0:
            l->on_handle(l->baton);
            break;
        case WAIT_OBJECT_0 + 1:
            dispatch_messages(l);
            break;
        case WAIT_TIMEOUT:
            l->on_idle(l->baton);
            break;
        default:
            return 1;
        }
    }
    return 0;
}
