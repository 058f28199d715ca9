/* -----------------------------------------------------------------------------
   Breach report. Feeds the sheet "Waiting" of Waiting List Summary.xlsx
   14/03/2011 JB  first version, from the PAS referral list
   02/05/2013 JB  52 week breaches for the Board
   19/11/2018 AK  NOLOCK everywhere, report was blocking the booking clerks
   -------------------------------------------------------------------------- */
CREATE VIEW [dbo].[vw_BreachReport]
AS
SELECT TOP (100) PERCENT
       r.[Referral_ID]
      ,r.[Trust_ID]
      ,ISNULL(r.[Specialty], 'Not known')                         AS [Specialty]
      ,CONVERT(varchar(10), r.[Referral_Date], 103)               AS [Referred_On]
      ,DATEDIFF(day, r.[Referral_Date], GETDATE()) / 7            AS [Weeks_Waiting]
      ,IIF(DATEDIFF(week, r.[Referral_Date], GETDATE()) >= 52, 'RED',
           IIF(DATEDIFF(day, r.[Referral_Date], GETDATE()) / 7 > 18, 'AMBER', 'GREEN'))
                                                                  AS [Breach_Status]
      ,IIF(DATEDIFF(day, r.[Referral_Date], GETDATE()) / 7 > 18, 1, 0)    AS [Over_18_Weeks]
      ,IIF(DATEDIFF(week, r.[Referral_Date], GETDATE()) >= 52, 1, 0)      AS [Over_52_Weeks]
FROM   [dbo].[Referrals] AS r WITH (NOLOCK)
       INNER JOIN [dbo].[Patients] AS p WITH (NOLOCK) ON p.[Patient_ID] = r.[Patient_ID]
       INNER JOIN [dbo].[Trusts]   AS t WITH (NOLOCK) ON t.[Trust_ID] = r.[Trust_ID]
WHERE  r.[Referral_Status] IN ('Open', 'Accepted', 'Pending')
ORDER BY r.[Referral_Date]
