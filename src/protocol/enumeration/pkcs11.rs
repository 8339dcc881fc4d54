//! Numbers that KMIP takes from PKCS#11.

use super::enumeration;

enumeration! {
    /// KMIP 2.1 §11.38: the place of the function in CK_FUNCTION_LIST_3_0, counted from one.
    Pkcs11Function, "PKCS#11 Function", [PKCS_11_FUNCTION] {
        INITIALIZE = 0x01, "C_Initialize", 2.0;
        FINALIZE = 0x02, "C_Finalize", 2.0;
        GET_INFO = 0x03, "C_GetInfo", 2.0;
        GET_FUNCTION_LIST = 0x04, "C_GetFunctionList", 2.0;
        GET_SLOT_LIST = 0x05, "C_GetSlotList", 2.0;
        GET_SLOT_INFO = 0x06, "C_GetSlotInfo", 2.0;
        GET_TOKEN_INFO = 0x07, "C_GetTokenInfo", 2.0;
        GET_MECHANISM_LIST = 0x08, "C_GetMechanismList", 2.0;
        GET_MECHANISM_INFO = 0x09, "C_GetMechanismInfo", 2.0;
        INIT_TOKEN = 0x0A, "C_InitToken", 2.0;
        INIT_PIN = 0x0B, "C_InitPIN", 2.0;
        SET_PIN = 0x0C, "C_SetPIN", 2.0;
        OPEN_SESSION = 0x0D, "C_OpenSession", 2.0;
        CLOSE_SESSION = 0x0E, "C_CloseSession", 2.0;
        CLOSE_ALL_SESSIONS = 0x0F, "C_CloseAllSessions", 2.0;
        GET_SESSION_INFO = 0x10, "C_GetSessionInfo", 2.0;
        GET_OPERATION_STATE = 0x11, "C_GetOperationState", 2.0;
        SET_OPERATION_STATE = 0x12, "C_SetOperationState", 2.0;
        LOGIN = 0x13, "C_Login", 2.0;
        LOGOUT = 0x14, "C_Logout", 2.0;
        CREATE_OBJECT = 0x15, "C_CreateObject", 2.0;
        COPY_OBJECT = 0x16, "C_CopyObject", 2.0;
        DESTROY_OBJECT = 0x17, "C_DestroyObject", 2.0;
        GET_OBJECT_SIZE = 0x18, "C_GetObjectSize", 2.0;
        GET_ATTRIBUTE_VALUE = 0x19, "C_GetAttributeValue", 2.0;
        SET_ATTRIBUTE_VALUE = 0x1A, "C_SetAttributeValue", 2.0;
        FIND_OBJECTS_INIT = 0x1B, "C_FindObjectsInit", 2.0;
        FIND_OBJECTS = 0x1C, "C_FindObjects", 2.0;
        FIND_OBJECTS_FINAL = 0x1D, "C_FindObjectsFinal", 2.0;
        ENCRYPT_INIT = 0x1E, "C_EncryptInit", 2.0;
        ENCRYPT = 0x1F, "C_Encrypt", 2.0;
        ENCRYPT_UPDATE = 0x20, "C_EncryptUpdate", 2.0;
        ENCRYPT_FINAL = 0x21, "C_EncryptFinal", 2.0;
        DECRYPT_INIT = 0x22, "C_DecryptInit", 2.0;
        DECRYPT = 0x23, "C_Decrypt", 2.0;
        DECRYPT_UPDATE = 0x24, "C_DecryptUpdate", 2.0;
        DECRYPT_FINAL = 0x25, "C_DecryptFinal", 2.0;
        DIGEST_INIT = 0x26, "C_DigestInit", 2.0;
        DIGEST = 0x27, "C_Digest", 2.0;
        DIGEST_UPDATE = 0x28, "C_DigestUpdate", 2.0;
        DIGEST_KEY = 0x29, "C_DigestKey", 2.0;
        DIGEST_FINAL = 0x2A, "C_DigestFinal", 2.0;
        SIGN_INIT = 0x2B, "C_SignInit", 2.0;
        SIGN = 0x2C, "C_Sign", 2.0;
        SIGN_UPDATE = 0x2D, "C_SignUpdate", 2.0;
        SIGN_FINAL = 0x2E, "C_SignFinal", 2.0;
        SIGN_RECOVER_INIT = 0x2F, "C_SignRecoverInit", 2.0;
        SIGN_RECOVER = 0x30, "C_SignRecover", 2.0;
        VERIFY_INIT = 0x31, "C_VerifyInit", 2.0;
        VERIFY = 0x32, "C_Verify", 2.0;
        VERIFY_UPDATE = 0x33, "C_VerifyUpdate", 2.0;
        VERIFY_FINAL = 0x34, "C_VerifyFinal", 2.0;
        VERIFY_RECOVER_INIT = 0x35, "C_VerifyRecoverInit", 2.0;
        VERIFY_RECOVER = 0x36, "C_VerifyRecover", 2.0;
        DIGEST_ENCRYPT_UPDATE = 0x37, "C_DigestEncryptUpdate", 2.0;
        DECRYPT_DIGEST_UPDATE = 0x38, "C_DecryptDigestUpdate", 2.0;
        SIGN_ENCRYPT_UPDATE = 0x39, "C_SignEncryptUpdate", 2.0;
        DECRYPT_VERIFY_UPDATE = 0x3A, "C_DecryptVerifyUpdate", 2.0;
        GENERATE_KEY = 0x3B, "C_GenerateKey", 2.0;
        GENERATE_KEY_PAIR = 0x3C, "C_GenerateKeyPair", 2.0;
        WRAP_KEY = 0x3D, "C_WrapKey", 2.0;
        UNWRAP_KEY = 0x3E, "C_UnwrapKey", 2.0;
        DERIVE_KEY = 0x3F, "C_DeriveKey", 2.0;
        SEED_RANDOM = 0x40, "C_SeedRandom", 2.0;
        GENERATE_RANDOM = 0x41, "C_GenerateRandom", 2.0;
        GET_FUNCTION_STATUS = 0x42, "C_GetFunctionStatus", 2.0;
        CANCEL_FUNCTION = 0x43, "C_CancelFunction", 2.0;
        WAIT_FOR_SLOT_EVENT = 0x44, "C_WaitForSlotEvent", 2.0;
        GET_INTERFACE_LIST = 0x45, "C_GetInterfaceList", 2.0;
        GET_INTERFACE = 0x46, "C_GetInterface", 2.0;
        LOGIN_USER = 0x47, "C_LoginUser", 2.0;
        SESSION_CANCEL = 0x48, "C_SessionCancel", 2.0;
        MESSAGE_ENCRYPT_INIT = 0x49, "C_MessageEncryptInit", 2.0;
        ENCRYPT_MESSAGE = 0x4A, "C_EncryptMessage", 2.0;
        ENCRYPT_MESSAGE_BEGIN = 0x4B, "C_EncryptMessageBegin", 2.0;
        ENCRYPT_MESSAGE_NEXT = 0x4C, "C_EncryptMessageNext", 2.0;
        MESSAGE_ENCRYPT_FINAL = 0x4D, "C_MessageEncryptFinal", 2.0;
        MESSAGE_DECRYPT_INIT = 0x4E, "C_MessageDecryptInit", 2.0;
        DECRYPT_MESSAGE = 0x4F, "C_DecryptMessage", 2.0;
        DECRYPT_MESSAGE_BEGIN = 0x50, "C_DecryptMessageBegin", 2.0;
        DECRYPT_MESSAGE_NEXT = 0x51, "C_DecryptMessageNext", 2.0;
        MESSAGE_DECRYPT_FINAL = 0x52, "C_MessageDecryptFinal", 2.0;
        MESSAGE_SIGN_INIT = 0x53, "C_MessageSignInit", 2.0;
        SIGN_MESSAGE = 0x54, "C_SignMessage", 2.0;
        SIGN_MESSAGE_BEGIN = 0x55, "C_SignMessageBegin", 2.0;
        SIGN_MESSAGE_NEXT = 0x56, "C_SignMessageNext", 2.0;
        MESSAGE_SIGN_FINAL = 0x57, "C_MessageSignFinal", 2.0;
        MESSAGE_VERIFY_INIT = 0x58, "C_MessageVerifyInit", 2.0;
        VERIFY_MESSAGE = 0x59, "C_VerifyMessage", 2.0;
        VERIFY_MESSAGE_BEGIN = 0x5A, "C_VerifyMessageBegin", 2.0;
        VERIFY_MESSAGE_NEXT = 0x5B, "C_VerifyMessageNext", 2.0;
        MESSAGE_VERIFY_FINAL = 0x5C, "C_MessageVerifyFinal", 2.0;
    }
}

enumeration! {
    /// KMIP 2.1 §11.39: a CK_RV. Those that a PKCS#11 provider of a key server answers.
    Pkcs11ReturnCode, "PKCS#11 Return Code", [PKCS_11_RETURN_CODE] {
        OK = 0x000, "OK", 2.0;
        HOST_MEMORY = 0x002, "HOST_MEMORY", 2.0;
        SLOT_ID_INVALID = 0x003, "SLOT_ID_INVALID", 2.0;
        GENERAL_ERROR = 0x005, "GENERAL_ERROR", 2.0;
        FUNCTION_FAILED = 0x006, "FUNCTION_FAILED", 2.0;
        ARGUMENTS_BAD = 0x007, "ARGUMENTS_BAD", 2.0;
        ATTRIBUTE_READ_ONLY = 0x010, "ATTRIBUTE_READ_ONLY", 2.0;
        ATTRIBUTE_SENSITIVE = 0x011, "ATTRIBUTE_SENSITIVE", 2.0;
        ATTRIBUTE_TYPE_INVALID = 0x012, "ATTRIBUTE_TYPE_INVALID", 2.0;
        ATTRIBUTE_VALUE_INVALID = 0x013, "ATTRIBUTE_VALUE_INVALID", 2.0;
        DATA_INVALID = 0x020, "DATA_INVALID", 2.0;
        DATA_LEN_RANGE = 0x021, "DATA_LEN_RANGE", 2.0;
        DEVICE_ERROR = 0x030, "DEVICE_ERROR", 2.0;
        ENCRYPTED_DATA_INVALID = 0x040, "ENCRYPTED_DATA_INVALID", 2.0;
        FUNCTION_NOT_PARALLEL = 0x051, "FUNCTION_NOT_PARALLEL", 2.0;
        FUNCTION_NOT_SUPPORTED = 0x054, "FUNCTION_NOT_SUPPORTED", 2.0;
        KEY_HANDLE_INVALID = 0x060, "KEY_HANDLE_INVALID", 2.0;
        KEY_SIZE_RANGE = 0x062, "KEY_SIZE_RANGE", 2.0;
        KEY_TYPE_INCONSISTENT = 0x063, "KEY_TYPE_INCONSISTENT", 2.0;
        KEY_FUNCTION_NOT_PERMITTED = 0x068, "KEY_FUNCTION_NOT_PERMITTED", 2.0;
        MECHANISM_INVALID = 0x070, "MECHANISM_INVALID", 2.0;
        MECHANISM_PARAM_INVALID = 0x071, "MECHANISM_PARAM_INVALID", 2.0;
        OBJECT_HANDLE_INVALID = 0x082, "OBJECT_HANDLE_INVALID", 2.0;
        OPERATION_ACTIVE = 0x090, "OPERATION_ACTIVE", 2.0;
        OPERATION_NOT_INITIALIZED = 0x091, "OPERATION_NOT_INITIALIZED", 2.0;
        SESSION_COUNT = 0x0B1, "SESSION_COUNT", 2.0;
        SESSION_HANDLE_INVALID = 0x0B3, "SESSION_HANDLE_INVALID", 2.0;
        SESSION_PARALLEL_NOT_SUPPORTED = 0x0B4, "SESSION_PARALLEL_NOT_SUPPORTED", 2.0;
        SIGNATURE_INVALID = 0x0C0, "SIGNATURE_INVALID", 2.0;
        SIGNATURE_LEN_RANGE = 0x0C1, "SIGNATURE_LEN_RANGE", 2.0;
        TEMPLATE_INCOMPLETE = 0x0D0, "TEMPLATE_INCOMPLETE", 2.0;
        TEMPLATE_INCONSISTENT = 0x0D1, "TEMPLATE_INCONSISTENT", 2.0;
        TOKEN_NOT_PRESENT = 0x0E0, "TOKEN_NOT_PRESENT", 2.0;
        TOKEN_WRITE_PROTECTED = 0x0E2, "TOKEN_WRITE_PROTECTED", 2.0;
        USER_ALREADY_LOGGED_IN = 0x100, "USER_ALREADY_LOGGED_IN", 2.0;
        USER_NOT_LOGGED_IN = 0x101, "USER_NOT_LOGGED_IN", 2.0;
        RANDOM_SEED_NOT_SUPPORTED = 0x120, "RANDOM_SEED_NOT_SUPPORTED", 2.0;
        BUFFER_TOO_SMALL = 0x150, "BUFFER_TOO_SMALL", 2.0;
        STATE_UNSAVEABLE = 0x180, "STATE_UNSAVEABLE", 2.0;
        CRYPTOKI_NOT_INITIALIZED = 0x190, "CRYPTOKI_NOT_INITIALIZED", 2.0;
        CRYPTOKI_ALREADY_INITIALIZED = 0x191, "CRYPTOKI_ALREADY_INITIALIZED", 2.0;
    }
}
