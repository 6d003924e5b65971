"""Terms: headings and column names of the document, in English and in Burmese.

Only the frame is translated; what the plan says stays as it was written. The reader
takes either language for any heading, so that a document may also mix them.
"""

from enum import StrEnum


class Language(StrEnum):
    """A language in which the frame of the document can be written."""

    ENGLISH = "en"
    BURMESE = "my"


BURMESE = {
    # Headings
    "Executive Summary": "အကျဉ်းချုပ်",
    "Support Team Structure": "အထောက်အကူအဖွဲ့ ဖွဲ့စည်းပုံ",
    "Support Team Contacts": "အထောက်အကူအဖွဲ့ ဆက်သွယ်ရန်",
    "Emergency Contact Tree": "အရေးပေါ် ဆက်သွယ်ရန် အဆင့်ဆင့်",
    "Escalation Procedures": "အဆင့်မြှင့်တင်ခြင်း လုပ်ထုံးလုပ်နည်း",
    "Incident Severity Levels": "ဖြစ်ရပ် ပြင်းထန်မှုအဆင့်များ",
    "Escalation Matrix": "အဆင့်မြှင့်တင်ခြင်း ဇယား",
    "Escalation Steps": "အဆင့်မြှင့်တင်ခြင်း အဆင့်များ",
    "Monitoring and Alerting": "စောင့်ကြည့်ခြင်းနှင့် သတိပေးခြင်း",
    "Monitoring Stack": "စောင့်ကြည့်ရေး ကိရိယာများ",
    "Key Metrics Monitored": "စောင့်ကြည့်သော အဓိက တိုင်းတာချက်များ",
    "Alert Routing": "သတိပေးချက် လမ်းကြောင်း",
    "On-Call Schedule": "တာဝန်ကျ အချိန်ဇယား",
    "Maintenance Schedule": "ပြုပြင်ထိန်းသိမ်းမှု အချိန်ဇယား",
    "Regular Maintenance Windows": "ပုံမှန် ပြုပြင်ထိန်းသိမ်းချိန်များ",
    "Maintenance Procedures": "ပြုပြင်ထိန်းသိမ်းမှု လုပ်ထုံးလုပ်နည်း",
    "Pre-Maintenance Checklist": "ပြုပြင်ထိန်းသိမ်းမှုမတိုင်မီ စစ်ဆေးစာရင်း",
    "Post-Maintenance Checklist": "ပြုပြင်ထိန်းသိမ်းမှုပြီးနောက် စစ်ဆေးစာရင်း",
    "Change Management": "အပြောင်းအလဲ စီမံခန့်ခွဲမှု",
    "Bug Fix Procedures": "ချို့ယွင်းချက် ပြင်ဆင်ခြင်း လုပ်ထုံးလုပ်နည်း",
    "Bug Triage Process": "ချို့ယွင်းချက် ခွဲခြားသတ်မှတ်ခြင်း",
    "Hotfix Procedure": "အရေးပေါ် ပြင်ဆင်ခြင်း လုပ်ထုံးလုပ်နည်း",
    "Bug Fix SLA": "ချို့ယွင်းချက် ပြင်ဆင်ချိန် ကတိ",
    "Communication Plan": "ဆက်သွယ်ရေး အစီအစဉ်",
    "Internal Communication": "အတွင်းပိုင်း ဆက်သွယ်ရေး",
    "External Communication": "ပြင်ပ ဆက်သွယ်ရေး",
    "Status Page Updates": "အခြေအနေစာမျက်နှာ အသိပေးချက်များ",
    "Documentation": "စာရွက်စာတမ်းများ",
    "Runbooks": "လုပ်ဆောင်ချက် လမ်းညွှန်များ",
    "Knowledge Base": "အသိပညာ သိုလှောင်ရာ",
    "Review and Improvement": "ပြန်လည်သုံးသပ်ခြင်းနှင့် တိုးတက်စေခြင်း",
    "Regular Reviews": "ပုံမှန် ပြန်လည်သုံးသပ်ခြင်း",
    "Continuous Improvement": "စဉ်ဆက်မပြတ် တိုးတက်စေခြင်း",
    "Appendices": "နောက်ဆက်တွဲများ",
    "Emergency Procedures": "အရေးပေါ် လုပ်ထုံးလုပ်နည်းများ",
    "Vendor Contacts": "ပံ့ပိုးသူများ ဆက်သွယ်ရန်",
    "Compliance": "စည်းမျဉ်းလိုက်နာမှု",
    "Document Approval": "စာရွက်စာတမ်း အတည်ပြုချက်",
    "Settings": "ဆက်တင်များ",
    # Labels
    "Document Version": "စာတမ်း ဗားရှင်း",
    "Effective Date": "အသက်ဝင်သည့်ရက်",
    "Review Cycle": "ပြန်လည်သုံးသပ်ချိန်",
    "Owner": "တာဝန်ရှိသူ",
    "Criteria": "သတ်မှတ်ချက်များ",
    "Response Time": "တုံ့ပြန်ချိန်",
    "Resolution Target": "ဖြေရှင်းချိန် ပန်းတိုင်",
    "Actions": "လုပ်ဆောင်ချက်များ",
    "Rotation": "အလှည့်ကျ",
    # Columns
    "Role": "ရာထူး",
    "Name": "အမည်",
    "Email": "အီးမေးလ်",
    "Phone": "ဖုန်း",
    "Shift": "အဆိုင်း",
    "Expertise": "ကျွမ်းကျင်မှု",
    "Specialty": "အထူးပြု",
    "Id": "သင်္ကေတ",
    "Time Elapsed": "ကုန်ဆုံးချိန်",
    "Component": "အစိတ်အပိုင်း",
    "Tool": "ကိရိယာ",
    "Purpose": "ရည်ရွယ်ချက်",
    "Dashboard URL": "ဒက်ရှ်ဘုတ် လိပ်စာ",
    "Metric": "တိုင်းတာချက်",
    "Warning Threshold": "သတိပေး အဆင့်",
    "Critical Threshold": "အရေးပေါ် အဆင့်",
    "Alert Channel": "သတိပေး လမ်းကြောင်း",
    "Alert Type": "သတိပေးချက် အမျိုးအစား",
    "Primary": "ပထမ တာဝန်ခံ",
    "Secondary": "ဒုတိယ တာဝန်ခံ",
    "Escalation": "အဆင့်မြှင့်",
    "Week": "ရက်သတ္တပတ်",
    "Primary On-Call": "ပထမ တာဝန်ကျ",
    "Secondary On-Call": "ဒုတိယ တာဝန်ကျ",
    "Shadow": "လေ့လာသူ",
    "Layer": "အလွှာ",
    "Handover": "တာဝန်လွှဲပြောင်းချိန်",
    "Hours": "နာရီများ",
    "Maintenance Type": "ပြုပြင်မှု အမျိုးအစား",
    "Frequency": "အကြိမ်ရေ",
    "Window": "အချိန်အပိုင်းအခြား",
    "Duration": "ကြာချိန်",
    "Change Type": "အပြောင်းအလဲ အမျိုးအစား",
    "Approval Required": "လိုအပ်သော ခွင့်ပြုချက်",
    "Testing Required": "လိုအပ်သော စမ်းသပ်မှု",
    "Severity": "ပြင်းထန်မှု",
    "Response": "တုံ့ပြန်မှု",
    "Fix Target": "ပြင်ဆင်ချိန် ပန်းတိုင်",
    "Communication": "ဆက်သွယ်မှု",
    "Channel": "လမ်းကြောင်း",
    "Audience": "ပရိသတ်",
    "Update Frequency": "အသိပေး အကြိမ်ရေ",
    "Incident Level": "ဖြစ်ရပ် အဆင့်",
    "Page Status": "စာမျက်နှာ အခြေအနေ",
    "Runbook": "လမ်းညွှန်",
    "Location": "တည်နေရာ",
    "Last Updated": "နောက်ဆုံး ပြင်ဆင်ချိန်",
    "Review Type": "သုံးသပ်မှု အမျိုးအစား",
    "Participants": "ပါဝင်သူများ",
    "Output": "ရလဒ်",
    "Signature": "လက်မှတ်",
    "Date": "ရက်စွဲ",
}

_ENGLISH = {my: en for en, my in BURMESE.items()}


def say(term: str, language: Language) -> str:
    """Return a heading or column name in a language; English when it has none."""
    return BURMESE.get(term, term) if language is Language.BURMESE else term


def english(text: str) -> str:
    """Return a heading or column name in English; other text as it is."""
    words, bracket, inside = text.strip().partition(" (")
    found = _ENGLISH.get(words, words)
    return f"{found}{bracket}{inside}" if found != words else text
